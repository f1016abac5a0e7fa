"""The audit log's commands, put together: verify, export, prove, erase, and the questions of a data protection officer."""

from __future__ import annotations

import typer

from api import cli_erase, cli_log, cli_questions, cli_verify

audit_app = typer.Typer(no_args_is_help=True, help="The audit log: verify, export, prove, ask.")

audit_app.command("verify")(cli_verify.verify)
audit_app.command("export")(cli_log.export)
audit_app.command("checkpoint")(cli_log.checkpoint)
audit_app.command("proof")(cli_log.proof)
audit_app.command("fsck")(cli_log.fsck)
audit_app.command("certificate")(cli_log.certificate)
audit_app.command("erase")(cli_erase.erase_reference)
audit_app.command("who-saw")(cli_questions.who_saw)
audit_app.command("released")(cli_questions.released)
audit_app.command("breach")(cli_questions.breach)
audit_app.command("subject-access")(cli_questions.subject_access)
audit_app.command("consent-receipts")(cli_questions.consent_receipts)
audit_app.command("article-30")(cli_questions.article_30)
audit_app.command("explain")(cli_questions.explain)

// A real OpenID provider (npm oidc-provider) with a few made-up people. It prints its address when it answers.
// Settings come as JSON on standard input: {clients, people: {id: {roles, ...}}}. Whoever the header `x-person` names is signed in.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';

const given = JSON.parse(readFileSync(0, 'utf8'));
const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const provider = new Provider(issuer, {
    clients: given.clients,
    jwks: { keys: [{ ...key, kid: 'test', alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['a key that signs the cookies of a test'] },
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    scopes: ['openid'],
    claims: { openid: ['sub', 'roles', 'auth_time', 'acr'] },
    acrValues: ['two-factors'],
    features: { devInteractions: { enabled: false }, userinfo: { enabled: true } },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 60, Interaction: 60, Session: 3600, Grant: 3600 },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...given.people[id] }),
    }),
  });
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    try {
      const url = new URL(request.url, issuer);
      if (!url.pathname.startsWith('/interaction/')) {
        answer(request, response);
        return;
      }
      const { prompt, params, grantId } = await provider.interactionDetails(request, response);
      const person = request.headers['x-person'];
      if (!person || !given.people[person]) {
        await provider.interactionFinished(request, response, { error: 'access_denied' });
        return;
      }
      if (prompt.name === 'login') {
        const acr = params.acr_values?.split(' ')[0];
        await provider.interactionFinished(request, response, { login: { accountId: person, acr } });
        return;
      }
      const grant = grantId
        ? await provider.Grant.find(grantId)
        : new provider.Grant({ accountId: person, clientId: params.client_id });
      grant.addOIDCScope('openid');
      grant.addOIDCClaims(['roles', 'auth_time', 'acr']);
      await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  console.log(issuer);
});

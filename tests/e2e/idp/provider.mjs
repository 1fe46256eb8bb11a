// The OpenID Connect provider of the end-to-end tests: a real one, with two people.
// Reads what it is from the file named on the command line; SIGHUP reads it again, so
// that the tests can change its keys.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import process from 'node:process';
import { Provider } from 'oidc-provider';

const file = process.argv[2];
let answer;

function load() {
  const { port, client, people, keys, tokenSeconds } = JSON.parse(readFileSync(file));
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [client],
    jwks: { keys },
    cookies: { keys: ['of the tests'] },
    claims: {
      openid: ['sub'],
      profile: ['preferred_username', 'name', 'groups'],
      email: ['email', 'email_verified'],
    },
    // The claims are in the ID token itself, as Authentik does it.
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => false },
    ttl: { IdToken: tokenSeconds, Session: 3600, Grant: 3600, Interaction: 600 },
    findAccount: (_, id) =>
      people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  answer = provider.callback();
  return port;
}

const port = load();
process.on('SIGHUP', load);
http
  .createServer((request, response) => answer(request, response))
  .listen(port, '127.0.0.1');

// node oidc-provider with its in-memory adapter: refresh tokens that rotate, ES256 access tokens for one resource, as Writ issues them.
// Prints the port and one refresh token for each family on a line of JSON.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const families = Number(process.argv[2] ?? 16);
const resource = 'http://127.0.0.1/mcp/incident';
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'bench',
    token_endpoint_auth_method: 'none',
    application_type: 'native',
    id_token_signed_response_alg: 'ES256',
    redirect_uris: ['http://127.0.0.1/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: ['bench'] },
  clientAuthMethods: ['none'],
  scopes: ['openid', 'offline_access', 'logs.read'],
  rotateRefreshToken: true,
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  ttl: { AccessToken: 600, RefreshToken: 28800, Grant: 28800, IdToken: 600 },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({ scope: 'logs.read', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
});
server.on('request', provider.callback());

const client = await provider.Client.find('bench');
const tokens = [];
for (let n = 0; n < families; n += 1) {
  const grant = new provider.Grant({ accountId: `user-${n}`, clientId: 'bench' });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(resource, 'logs.read');
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId: `user-${n}`, client, grantId, gty: 'authorization_code', scope: 'openid offline_access logs.read', resource, rotations: 0,
    authTime: Math.floor(Date.now() / 1000), claims: {},
  });
  tokens.push(await token.save());
}
console.log(JSON.stringify({ port, tokens }));

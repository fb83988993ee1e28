// Makes a key pair for each algorithm and signs the claims of each line of standard input with all of them, as jose does it.
// Output: a line of JSON {alg, jwk, pem, token} for each; `jwk` is public, or the secret.
import { createInterface } from 'node:readline'
import * as jose from 'jose'

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS384', 'HS512']
const keys = []
for (const alg of algorithms) {
  if (alg.startsWith('HS')) {
    const key = await jose.generateSecret(alg, { extractable: true })
    keys.push({ alg, key, jwk: { ...(await jose.exportJWK(key)), alg, kid: alg } })
  } else {
    const pair = await jose.generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await jose.exportJWK(pair.publicKey)), alg, use: 'sig', kid: await jose.calculateJwkThumbprint(pair.publicKey) }
    keys.push({ alg, key: pair.privateKey, jwk, pem: await jose.exportSPKI(pair.publicKey) })
  }
}
for await (const line of createInterface({ input: process.stdin })) {
  const claims = JSON.parse(line)
  for (const { alg, key, jwk, pem } of keys) {
    const token = await new jose.SignJWT(claims).setProtectedHeader({ alg, kid: jwk.kid, typ: 'JWT' }).sign(key)
    console.log(JSON.stringify({ alg, jwk, pem, token }))
  }
}

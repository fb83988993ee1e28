// Puts instances into Nacos with npm's nacos, as services written for Node do it, and takes them out when told.
// usage: nacos_register.mjs HOST:PORT; a line of JSON each on standard input, {verb: "register" | "deregister", service, group, ip, port, weight};
// "done" on standard output after each. Its beats go on until standard input ends.
import { createInterface } from 'node:readline'
import nacos from 'nacos'

const quiet = { info() {}, warn() {}, error: console.error, debug() {}, log() {} }
const client = new nacos.NacosNamingClient({ logger: quiet, serverList: process.argv[2], namespace: 'public' })
await client.ready()
for await (const line of createInterface({ input: process.stdin })) {
  const { verb, service, group, ip, port, weight } = JSON.parse(line)
  if (verb === 'register') await client.registerInstance(service, { ip, port, weight, ephemeral: true, metadata: { by: 'npm' } }, group)
  else await client.deregisterInstance(service, { ip, port, ephemeral: true }, group)
  console.log('done')
}
process.exit(0)

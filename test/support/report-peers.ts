/** Prints which foreign programs the tests found, for the summary of scripts/test.sh. */
import { PEERS, peerVersion } from './peers.ts';

for (const name of Object.keys(PEERS) as (keyof typeof PEERS)[]) {
  const version = peerVersion(name);
  console.log(`  ${name.padEnd(9)} ${version ?? `absent: its tests are skipped (apt-get install ${PEERS[name].apt})`}`);
}

/**
 * Everything that the doctor knows, a line a file. First what keeps the system from starting, since the first fix is typed
 * first; then in the order in which a call meets it.
 */
import type { Ailment } from '../ailment.ts';
import { bindAddressStrange } from './bind-address-strange.ts';
import { clockJump } from './clock-jump.ts';
import { configurationInvalid } from './configuration-invalid.ts';
import { configurationStale } from './configuration-stale.ts';
import { containerNetwork } from './container-network.ts';
import { fileLimitLow } from './file-limit-low.ts';
import { imsNotAnswering } from './ims-not-answering.ts';
import { imsOtherRelay } from './ims-other-relay.ts';
import { kernelPathRights } from './kernel-path-rights.ts';
import { launcherMute } from './launcher-mute.ts';
import { mediaDead } from './media-dead.ts';
import { mediaFaulty } from './media-faulty.ts';
import { mediaFirewalled } from './media-firewalled.ts';
import { mediaNoSession } from './media-no-session.ts';
import { mediaOneWay } from './media-one-way.ts';
import { mediaRangeEphemeral } from './media-range-ephemeral.ts';
import { mediaRangeSmall } from './media-range-small.ts';
import { mediaRangeTaken } from './media-range-taken.ts';
import { mediaRtcpBlocked } from './media-rtcp-blocked.ts';
import { natOneToOne } from './nat-one-to-one.ts';
import { packetsDropped } from './packets-dropped.ts';
import { receiveBufferSmall } from './receive-buffer-small.ts';
import { relayAddressStrange } from './relay-address-strange.ts';
import { relayAutoStartOff } from './relay-auto-start-off.ts';
import { relayCrashLoop } from './relay-crash-loop.ts';
import { relayForeign } from './relay-foreign.ts';
import { relayHostUnresolved } from './relay-host-unresolved.ts';
import { relayNotRunning } from './relay-not-running.ts';
import { relaySilent } from './relay-silent.ts';
import { relaysTwo } from './relays-two.ts';
import { serverAddrUnresolved } from './server-addr-unresolved.ts';
import { sipFirewalled } from './sip-firewalled.ts';
import { sipPortTaken } from './sip-port-taken.ts';

export const AILMENTS: readonly Ailment[] = [
  configurationInvalid,
  configurationStale,
  launcherMute,
  serverAddrUnresolved,
  bindAddressStrange,
  relayHostUnresolved,
  relayForeign,
  sipPortTaken,
  relayNotRunning,
  relayAutoStartOff,
  relaySilent,
  relayCrashLoop,
  relayAddressStrange,
  relaysTwo,
  mediaNoSession,
  // The cause before what it looks like: the first fix is typed.
  mediaFirewalled,
  mediaDead,
  mediaOneWay,
  mediaRtcpBlocked,
  mediaFaulty,
  imsNotAnswering,
  imsOtherRelay,
  natOneToOne,
  containerNetwork,
  sipFirewalled,
  mediaRangeSmall,
  mediaRangeEphemeral,
  mediaRangeTaken,
  fileLimitLow,
  receiveBufferSmall,
  packetsDropped,
  clockJump,
  kernelPathRights,
];

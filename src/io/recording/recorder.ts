/** Opens the taps that the relay's engine asks for, and writes or sends what the plane gives it. */
import type { Socket } from 'node:dgram';
import type { Log } from '../../observe/log.ts';
import { bindUdp } from '../../planes/portable/udp-socket.ts';
import type { Component, PairFailure, PairOutcome, SessionId, Side } from '../../relay/plane.ts';
import { formatAdHoc } from '../../relay/recording/ad-hoc.ts';
import { formatPcapHeader, formatPcapPacket } from '../../relay/recording/pcap.ts';
import type { RecordedPacket } from '../../relay/recording/recorded-packet.ts';
import type { RecordingFormat, TapId, TapRequest, TapTarget } from '../../relay/recording/tap.ts';
import { familyOf, type TransportAddress } from '../../wire/ip-address.ts';
import { RecordingFile } from './recording-file.ts';

export interface RecorderOptions {
  /** `-r`; undefined: there are no files. */
  readonly directory: string | undefined;
  /** `-S`: files grow here. */
  readonly spool: string | undefined;
  readonly log: Log;
  /** A tap that was open cannot go on; it is closed already. */
  readonly onFailure: (tap: TapId, cause: string) => void;
}

/** What a tap does with a packet. */
interface Writer {
  write(component: Component, packet: RecordedPacket): void;
  close(): Promise<void>;
  readonly dropped: number;
}

interface OpenTap {
  readonly request: TapRequest;
  readonly writer: Writer;
}

const NO_BYTES = new Uint8Array(0);

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #taps = new Map<TapId, OpenTap>();
  readonly #byLeg = new Map<string, OpenTap>();
  /** Files that both parties of a session share. */
  readonly #single = new Map<SessionId, { readonly file: RecordingFile; readonly users: Set<TapId> }>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async open(request: TapRequest): Promise<PairOutcome> {
    try {
      const tap = { request, writer: await this.#openWriter(request) };
      this.#taps.set(request.tap, tap);
      this.#byLeg.set(legKey(request.session, request.side), tap);
      return { kind: 'opened' };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { kind: 'failed', reason: FAILURES[code ?? ''] ?? 'other', cause: message };
    }
  }

  /** A packet that was accepted on a leg. The bytes are only valid during the call. */
  packet(session: SessionId, side: Side, component: Component, payload: Uint8Array, source: TransportAddress): void {
    const tap = this.#byLeg.get(legKey(session, side));
    if (tap !== undefined) {
      const { address, port } = tap.request.local;
      const destination = { address, port: component === 'rtp' ? port : port + 1 };
      tap.writer.write(component, { source, destination, at: Date.now(), payload });
    }
  }

  close(id: TapId): void {
    const tap = this.#taps.get(id);
    if (tap === undefined) {
      return;
    }
    this.#taps.delete(id);
    this.#byLeg.delete(legKey(tap.request.session, tap.request.side));
    const closed = tap.writer.close().then(() => {
      this.#closing.delete(closed);
      if (tap.writer.dropped > 0) {
        const fields = { callId: tap.request.callId, count: tap.writer.dropped };
        this.#options.log.warn(fields, 'the disk was too slow: packets are missing in a recording');
      }
    });
    this.#closing.add(closed);
  }

  /** Completes every file. */
  async closeAll(): Promise<void> {
    for (const id of [...this.#taps.keys()]) {
      this.close(id);
    }
    await Promise.all(this.#closing);
  }

  async #openWriter({ tap, session, callId, target }: TapRequest): Promise<Writer> {
    const onFailure = (error: NodeJS.ErrnoException): void => {
      // A file that fails while it is closed has no tap any more: the log is all that is left to tell.
      if (this.#taps.has(tap)) {
        this.close(tap);
        this.#options.onFailure(tap, error.message);
      } else {
        this.#options.log.error({ callId, err: error.message }, 'a recording is incomplete');
      }
    };
    switch (target.kind) {
      case 'remote':
        return CopySockets.open(target);
      case 'single': {
        const shared = this.#single.get(session) ?? {
          file: await this.#openFile(target.name, 'pcap', (error) => this.#failSingle(session, callId, error)),
          users: new Set(),
        };
        shared.users.add(tap);
        this.#single.set(session, shared);
        return new SingleFileWriter(shared.file, target.rtcp, () => this.#leaveSingle(session, tap));
      }
      case 'files': {
        const rtp = await this.#openFile(target.rtp, target.format, onFailure);
        try {
          const rtcp =
            target.rtcp === undefined ? undefined : await this.#openFile(target.rtcp, target.format, onFailure);
          return new FileWriter({ rtp, rtcp }, target.format === 'pcap' ? formatPcapPacket : formatAdHoc);
        } catch (error) {
          await rtp.close();
          throw error;
        }
      }
    }
  }

  /** The file is complete with its last user. */
  async #leaveSingle(session: SessionId, tap: TapId): Promise<void> {
    const shared = this.#single.get(session);
    if (shared?.users.delete(tap) === true && shared.users.size === 0) {
      this.#single.delete(session);
      await shared.file.close();
    }
  }

  #failSingle(session: SessionId, callId: string, error: NodeJS.ErrnoException): void {
    const users = [...(this.#single.get(session)?.users ?? [])];
    if (users.length === 0) {
      this.#options.log.error({ callId, err: error.message }, 'a recording is incomplete');
    }
    for (const tap of users) {
      this.close(tap);
      this.#options.onFailure(tap, error.message);
    }
  }

  #openFile(
    name: string,
    format: RecordingFormat,
    onFailure: (error: NodeJS.ErrnoException) => void,
  ): Promise<RecordingFile> {
    const { directory, spool } = this.#options;
    if (directory === undefined) {
      throw new Error('there is no directory for recordings (-r)');
    }
    return RecordingFile.open({
      growing: pathIn(spool ?? directory, name),
      complete: pathIn(directory, name),
      header: format === 'pcap' ? formatPcapHeader() : NO_BYTES,
      onFailure,
    });
  }
}

interface Files {
  readonly rtp: RecordingFile;
  readonly rtcp: RecordingFile | undefined;
}

class FileWriter implements Writer {
  readonly #files: Files;
  readonly #format: (packet: RecordedPacket) => Uint8Array;

  constructor(files: Files, format: (packet: RecordedPacket) => Uint8Array) {
    this.#files = files;
    this.#format = format;
  }

  get dropped(): number {
    return this.#files.rtp.dropped + (this.#files.rtcp?.dropped ?? 0);
  }

  write(component: Component, packet: RecordedPacket): void {
    this.#files[component]?.write(this.#format(packet));
  }

  async close(): Promise<void> {
    await Promise.all([this.#files.rtp.close(), this.#files.rtcp?.close()]);
  }
}

/** A party's part of a file; it is closed by `leave`. */
class SingleFileWriter implements Writer {
  readonly close: () => Promise<void>;
  readonly #file: RecordingFile;
  readonly #rtcp: boolean;

  constructor(file: RecordingFile, rtcp: boolean, leave: () => Promise<void>) {
    this.#file = file;
    this.#rtcp = rtcp;
    this.close = leave;
  }

  get dropped(): number {
    return this.#file.dropped;
  }

  write(component: Component, packet: RecordedPacket): void {
    if (component === 'rtp' || this.#rtcp) {
      this.#file.write(formatPcapPacket(packet));
    }
  }
}

type RemoteTarget = Extract<TapTarget, { kind: 'remote' }>;

/** Copies to another host, from a port pair of their own. A refused send is a lost packet, no more. */
class CopySockets implements Writer {
  readonly dropped = 0;
  readonly #target: RemoteTarget;
  readonly #sockets: Readonly<Record<Component, Socket>>;

  private constructor(target: RemoteTarget, sockets: Readonly<Record<Component, Socket>>) {
    this.#target = target;
    this.#sockets = sockets;
    for (const socket of [sockets.rtp, sockets.rtcp]) {
      socket.on('error', () => {});
      // What comes back is nobody's: it is read, so that the buffer does not fill, and thrown away.
      socket.on('message', () => {});
    }
  }

  static async open(target: RemoteTarget): Promise<CopySockets> {
    const family = familyOf(target.address) ?? 4;
    const rtp = await bindUdp(target.address, target.port, family);
    try {
      return new CopySockets(target, { rtp, rtcp: await bindUdp(target.address, target.port + 1, family) });
    } catch (error) {
      rtp.close();
      throw error;
    }
  }

  write(component: Component, { payload }: RecordedPacket): void {
    const { to, rtcp } = this.#target;
    if (component === 'rtp' || rtcp) {
      const port = component === 'rtp' ? to.port : to.port + 1;
      if (port <= 65_535) {
        this.#sockets[component].send(Buffer.from(payload), port, to.address, ignore);
      }
    }
  }

  async close(): Promise<void> {
    this.#sockets.rtp.close();
    this.#sockets.rtcp.close();
  }
}

function ignore(): void {}

function legKey(session: SessionId, side: Side): string {
  return `${session}/${side}`;
}

/** Names are latin1, directories are text. */
function pathIn(directory: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, 'latin1')]);
}

const FAILURES: Readonly<Record<string, PairFailure>> = {
  EADDRINUSE: 'in-use',
  EACCES: 'no-privilege',
  EADDRNOTAVAIL: 'not-local',
  EMFILE: 'no-descriptors',
  ENFILE: 'no-descriptors',
};

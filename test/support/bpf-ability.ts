import { Assembler } from '../../src/linux/bpf/assembler.ts';
import { Bpf, type TestRunOptions } from '../../src/linux/bpf/bpf.ts';
import { TC_ACT_OK } from '../../src/linux/bpf/helpers.ts';

/** Whether the kernel takes a program of ours and runs it on a packet this way. */
export function bpfWorks(options: TestRunOptions): boolean {
  const bpf = Bpf.load();
  if (typeof bpf === 'string') {
    return false;
  }
  const loaded = bpf.loadProgram(new Assembler('ability').mov('r0', TC_ACT_OK).exit().assemble(), {});
  if (!loaded.ok) {
    return false;
  }
  const done = bpf.testRun(loaded.value, new Uint8Array(60), options);
  bpf.close(loaded.value);
  return done.ok;
}

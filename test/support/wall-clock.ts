import { closeSync, openSync, readdirSync, readFileSync, readSync, writeSync } from "node:fs";

// What takes the place of two functions of the vDSO: each asks the kernel, and adds the seconds that
// stand behind it, but only to the time of day.
const functions = {
  __vdso_clock_gettime: Buffer.from([
    ...[0xb8, 0xe4, 0x00, 0x00, 0x00], // mov eax, 228 (clock_gettime)
    ...[0x0f, 0x05], // syscall
    ...[0x85, 0xff], // test edi, edi (CLOCK_REALTIME is 0)
    ...[0x75, 0x0a], // jne to ret
    ...[0x48, 0x8b, 0x0d, 0x04, 0x00, 0x00, 0x00], // mov rcx, [rip + 4]
    ...[0x48, 0x01, 0x0e], // add [rsi], rcx
    0xc3, // ret
  ]),
  __vdso_gettimeofday: Buffer.from([
    ...[0xb8, 0x60, 0x00, 0x00, 0x00], // mov eax, 96 (gettimeofday)
    ...[0x0f, 0x05], // syscall
    ...[0x48, 0x85, 0xff], // test rdi, rdi
    ...[0x74, 0x0a], // je to ret
    ...[0x48, 0x8b, 0x0d, 0x04, 0x00, 0x00, 0x00], // mov rcx, [rip + 4]
    ...[0x48, 0x01, 0x0f], // add [rdi], rcx
    0xc3, // ret
  ]),
};

/** The time of day of a process that is our child, on Linux and x64. */
export interface WallClock {
  /** From now on the process takes it to be so much later, or earlier, than it is. */
  jumpTo(offsetSeconds: number): void;
}

/**
 * Takes over the time of day of a running process; the monotonic clock stays as it is. Programs in Go
 * ask the vDSO for the time, which no library can stand in front of, so its code is replaced in the
 * memory of that process alone, while none of its threads runs it. Only a parent, or root, may do that.
 */
export function wallClockOf(pid: number): WallClock {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("The clock of another process can be moved on Linux on x64 only");
  }
  const vdso = readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .find((line) => line.endsWith("[vdso]"));
  const [start = 0, end = 0] = (vdso?.split(" ")[0] ?? "")
    .split("-")
    .map((address) => Number.parseInt(address, 16));
  const image = Buffer.alloc(end - start);
  withMemory(pid, (memory) => readSync(memory, image, 0, image.length, start));
  const placed = Object.entries(functions).map(([name, code]) => ({
    code,
    at: start + addressOf(name, image),
  }));
  const write = (offsetSeconds: number, withCode: boolean): void => {
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(BigInt(offsetSeconds));
    withMemory(pid, (memory) => {
      for (const { code, at } of placed) {
        // The offset first, so that it is there when the code is.
        writeSync(memory, offset, 0, offset.length, at + code.length);
        if (withCode) writeSync(memory, code, 0, code.length, at);
      }
    });
  };
  whileOutside(pid, { start, end }, () => write(0, true));
  return { jumpTo: (offsetSeconds) => write(offsetSeconds, false) };
}

/** Does something while a process stands still, and none of its threads between two addresses. */
function whileOutside(
  pid: number,
  { start, end }: { readonly start: number; readonly end: number },
  work: () => void,
): void {
  for (let isDone = false; !isDone; ) {
    process.kill(pid, "SIGSTOP");
    try {
      const threads = readdirSync(`/proc/${pid}/task`);
      const of = (thread: string, file: string) =>
        readFileSync(`/proc/${pid}/task/${thread}/${file}`, "utf8");
      const isStopped = (thread: string) => /\) T /.test(of(thread, "stat"));
      while (!threads.every(isStopped));
      // Where a thread is to go on is the last thing that this file tells.
      const places = threads.map((thread) =>
        Number(of(thread, "syscall").trim().split(" ").at(-1)),
      );
      if (places.some((place) => place >= start && place < end)) continue;
      work();
      isDone = true;
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }
}

function withMemory(pid: number, work: (memory: number) => void): void {
  const memory = openSync(`/proc/${pid}/mem`, "r+");
  try {
    work(memory);
  } finally {
    closeSync(memory);
  }
}

/** Where a function is in an ELF image, by its dynamic symbols. */
function addressOf(name: string, image: Buffer): number {
  const sections = Number(image.readBigUInt64LE(40));
  const [size, count] = [image.readUInt16LE(58), image.readUInt16LE(60)];
  for (let index = 0; index < count; index++) {
    const header = sections + index * size;
    const dynamicSymbols = 11;
    if (image.readUInt32LE(header + 4) !== dynamicSymbols) continue;
    const strings = sections + image.readUInt32LE(header + 40) * size;
    const texts = Number(image.readBigUInt64LE(strings + 24));
    const from = Number(image.readBigUInt64LE(header + 24));
    const until = from + Number(image.readBigUInt64LE(header + 32));
    for (let symbol = from; symbol < until; symbol += 24) {
      const text = texts + image.readUInt32LE(symbol);
      if (image.toString("latin1", text, image.indexOf(0, text)) === name) {
        return Number(image.readBigUInt64LE(symbol + 8));
      }
    }
  }
  throw new Error(`There is no ${name} in the vDSO`);
}

import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

// What takes the place of `__vdso_clock_gettime`: asks the kernel, and adds to CLOCK_REALTIME, and to
// no other clock, the seconds that stand in the last eight bytes.
const code = Buffer.from([
  ...[0xb8, 0xe4, 0x00, 0x00, 0x00], // mov eax, 228 (clock_gettime)
  ...[0x0f, 0x05], // syscall
  ...[0x85, 0xff], // test edi, edi
  ...[0x75, 0x0a], // jne to ret
  ...[0x48, 0x8b, 0x0d, 0x04, 0x00, 0x00, 0x00], // mov rcx, [rip + 4]
  ...[0x48, 0x01, 0x0e], // add [rsi], rcx
  0xc3, // ret
]);

/** The time of day of a process that is our child, on Linux and x64. */
export interface WallClock {
  /** From now on the process takes it to be so much later, or earlier, than it is. */
  jumpTo(offsetSeconds: number): void;
}

/**
 * Takes over the time of day of a running process; the monotonic clock stays as it is. Programs in Go
 * ask the vDSO for the time, which no library can stand in front of, so its code is replaced in the
 * memory of that process alone.
 */
export function wallClockOf(pid: number): WallClock {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("The clock of another process can be moved on Linux on x64 only");
  }
  const line = readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .find((each) => each.endsWith("[vdso]"));
  const [start = 0n, end = 0n] = (line?.split(" ")[0] ?? "").split("-").map((hex) => BigInt(`0x${hex}`));
  const image = Buffer.alloc(Number(end - start));
  const memory = openSync(`/proc/${pid}/mem`, "r+");
  readSync(memory, image, 0, image.length, start as unknown as number);
  const at = start + BigInt(addressOf("__vdso_clock_gettime", image));
  const offset = Buffer.alloc(8);
  // The offset first, so that it is there when the code is.
  writeSync(memory, offset, 0, 8, Number(at) + code.length);
  writeSync(memory, code, 0, code.length, Number(at));
  closeSync(memory);
  return {
    jumpTo(offsetSeconds) {
      const file = openSync(`/proc/${pid}/mem`, "r+");
      offset.writeBigInt64LE(BigInt(offsetSeconds));
      writeSync(file, offset, 0, 8, Number(at) + code.length);
      closeSync(file);
    },
  };
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

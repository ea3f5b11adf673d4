/** Something that ends, and its place in the queue of those that do. */
export interface Expiring {
  expiresAt: number;
  /** Kept by the queue: where it stands, -1 when it does not. */
  place: number;
}

/** Finds what ends next: a binary heap whose members know their places. */
export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  get next(): T | undefined {
    return this.#heap[0];
  }

  add(item: T): void {
    this.#set(this.#heap.length, item);
    this.#rise(item);
  }

  remove(item: T): void {
    const { place } = item;
    const last = this.#heap.pop();
    item.place = -1;
    if (!last || last === item) return;
    this.#set(place, last);
    this.update(last);
  }

  /** To be called when `expiresAt` of a member has changed. */
  update(item: T): void {
    this.#rise(item);
    this.#sink(item);
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const parent = this.#heap[(item.place - 1) >> 1];
      if (!parent || parent.expiresAt <= item.expiresAt) return;
      this.#swap(parent, item);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#heap[2 * item.place + 1];
      const right = this.#heap[2 * item.place + 2];
      const child = left && right && right.expiresAt < left.expiresAt ? right : left;
      if (!child || item.expiresAt <= child.expiresAt) return;
      this.#swap(item, child);
    }
  }

  #swap(upper: T, lower: T): void {
    const { place } = upper;
    this.#set(lower.place, upper);
    this.#set(place, lower);
  }

  #set(place: number, item: T): void {
    this.#heap[place] = item;
    item.place = place;
  }
}

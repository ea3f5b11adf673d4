import { Course, type CourseOptions } from "./course.ts";
import type { Cut } from "./cutting-proxy.ts";
import type { Lane } from "./lane.ts";
import type { Operation } from "./stage.ts";

/** One operation, whose exchange is cut at one place after another. */
export class OperationSweep {
  readonly operation: Operation;
  /** How many exchanges were broken off. */
  cuts = 0;
  /** What went wrong, with the cut that did it. */
  readonly failures: string[] = [];
  readonly #courses: readonly Course[];

  private constructor(operation: Operation, courses: readonly Course[]) {
    this.operation = operation;
    this.#courses = courses;
  }

  /** Finds out how long the exchange is when nothing is cut. */
  static async measure(
    lane: Lane,
    operation: Operation,
    options: CourseOptions,
  ): Promise<OperationSweep> {
    // The first one of a connection says in full what the next ones abbreviate.
    await lane.attempt(operation);
    const passage = await lane.attempt(operation);
    const directions = ["request", "response"] as const;
    return new OperationSweep(
      operation,
      directions.map((direction) => new Course(direction, options, passage)),
    );
  }

  /** Whether there is a cut to be made, as far as is known by now. */
  get hasNext(): boolean {
    return this.#course !== undefined;
  }

  /** Makes the next cut, if there is one. */
  async tryNext(lane: Lane): Promise<void> {
    const course = this.#course;
    if (!course) return;
    const cut = course.next();
    let isCut = true;
    try {
      ({ isCut } = await lane.attempt(this.operation, cut));
      if (isCut) this.cuts += 1;
    } catch (error) {
      this.failures.push(`${this.operation.title}, ${inWords(cut)}: ${error}`);
    }
    course.ended(cut, isCut);
  }

  get #course(): Course | undefined {
    return this.#courses.find(({ hasNext }) => hasNext);
  }
}

function inWords({ kind, after, unit, direction }: Cut): string {
  return `${kind} after ${after} ${unit} of the ${direction}`;
}

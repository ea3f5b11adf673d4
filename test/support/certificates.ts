import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate and its key, as files and as their PEM. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority for the length of a test, made with openssl in a folder of its own. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "microlock-certs-"));
  readonly #self: Certificate;
  #count = 0;

  private constructor() {
    this.#self = this.#files("ca");
  }

  static async create(): Promise<Authority> {
    const authority = new Authority();
    await authority.#openssl(
      ...["req", "-x509", "-nodes", "-subj", "/CN=test authority", "-days", "2"],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-keyout", authority.#self.keyFile, "-out", authority.#self.certFile],
    );
    return authority;
  }

  get caFile(): string {
    return this.#self.certFile;
  }

  get ca(): string {
    return readFileSync(this.caFile, "utf8");
  }

  /** Issues a certificate for `names`, such as `IP:127.0.0.1` or `DNS:etcd`, good for server and client. */
  async issue(names: string, { days = 1 }: { readonly days?: number } = {}): Promise<Certificate> {
    const files = this.#files(`cert${++this.#count}`);
    const [request, extensions] = [`${files.certFile}.csr`, `${files.certFile}.ext`];
    writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    await this.#openssl(
      ...["req", "-new", "-nodes", "-subj", "/CN=test"],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-keyout", files.keyFile, "-out", request],
    );
    await this.#openssl(
      ...["x509", "-req", "-in", request, "-out", files.certFile, "-extfile", extensions],
      ...["-CA", this.#self.certFile, "-CAkey", this.#self.keyFile, "-CAcreateserial"],
      ...["-days", String(days)],
    );
    return files;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #files(name: string): Certificate {
    const [certFile, keyFile] = [`${name}.pem`, `${name}.key`].map((file) =>
      join(this.#folder, file),
    ) as [string, string];
    return {
      certFile,
      keyFile,
      get cert() {
        return readFileSync(certFile, "utf8");
      },
      get key() {
        return readFileSync(keyFile, "utf8");
      },
    };
  }

  #openssl(...args: string[]): Promise<unknown> {
    return run("openssl", args);
  }
}

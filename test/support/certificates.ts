import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import forge from "node-forge";

/** A certificate and its key, as files and as their PEM. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

const dayMs = 86_400_000;

/** An authority for the length of a test, in a folder of its own. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "microlock-certs-"));
  readonly #keys = rsaKeys();
  readonly #subject = [{ name: "commonName", value: "test authority" }];
  readonly #self: Certificate;
  #count = 0;

  constructor() {
    const extensions = [{ name: "basicConstraints", cA: true, critical: true }];
    this.#self = this.#sign(this.#keys, this.#subject, 2, extensions);
  }

  get caFile(): string {
    return this.#self.certFile;
  }

  get ca(): string {
    return this.#self.cert;
  }

  /**
   * Issues a certificate for `names`, such as `IP:127.0.0.1` or `DNS:etcd`, good for server
   * and client. It is good for so many days from now; below 0 it has expired.
   */
  issue(names: string, { days = 1 }: { readonly days?: number } = {}): Certificate {
    return this.#sign(rsaKeys(), [{ name: "commonName", value: "test" }], days, [
      { name: "subjectAltName", altNames: names.split(",").map(altName) },
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
    ]);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #sign(
    keys: KeyPair,
    subject: forge.pki.CertificateField[],
    days: number,
    extensions: object[],
  ): Certificate {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
    // Positive, as X.509 wants it: the first byte has no highest bit.
    certificate.serialNumber = `01${randomBytes(8).toString("hex")}`;
    certificate.validity.notBefore = new Date(Date.now() - 2 * dayMs);
    certificate.validity.notAfter = new Date(Date.now() + days * dayMs);
    certificate.setSubject(subject);
    certificate.setIssuer(this.#subject);
    certificate.setExtensions(extensions);
    certificate.sign(forge.pki.privateKeyFromPem(this.#keys.privateKey), forge.md.sha256.create());
    return this.#write(forge.pki.certificateToPem(certificate), keys.privateKey);
  }

  #write(cert: string, key: string): Certificate {
    this.#count += 1;
    const [certFile, keyFile] = [
      join(this.#folder, `${this.#count}.pem`),
      join(this.#folder, `${this.#count}.key`),
    ];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    return { certFile, keyFile, cert, key };
  }
}

/** Keys for RSA, in PEM: of the kind that both Node and node-forge can read. */
export function rsaKeys(): KeyPair {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
}

function altName(name: string): { type: number; value?: string; ip?: string } {
  const [kind, value = ""] = name.split(":");
  // The numbers that X.509 has for a DNS name and for an address.
  return kind === "IP" ? { type: 7, ip: value } : { type: 2, value };
}

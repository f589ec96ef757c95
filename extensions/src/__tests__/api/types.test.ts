import { execFileSync } from 'child_process';
import { readFileSync } from 'fs';
import { join, resolve } from 'path';

const EXTENSION = resolve(__dirname, '..', '..', '..');
const PYTHON = resolve(EXTENSION, '..', 'nbprod');

describe('what the two sides share', () => {
  it('are types generated from the server’s document, as it is now', () => {
    const made = execFileSync(
      join(EXTENSION, 'node_modules', '.bin', 'openapi-typescript'),
      [join(PYTHON, 'server', 'openapi.json')],
      { encoding: 'utf-8', stdio: ['ignore', 'pipe', 'ignore'] }
    );
    const kept = readFileSync(join(EXTENSION, 'src', 'api', 'types.ts'), 'utf-8');
    expect(kept.trim() === made.trim() ? 'the same' : 'out of date: run `jlpm types`').toBe(
      'the same'
    );
  }, 60_000);

  it('are the roles and what they mean, word for word', () => {
    const python = readFileSync(join(PYTHON, 'notebook', 'tags.py'), 'utf-8');
    const table = python.slice(python.indexOf('ROLES: dict'), python.indexOf('\n}\n'));
    const theirs = [...table.matchAll(/^ {4}"([\w-]+)": "(.*)",$/gm)].map(found => found.slice(1));
    const typescript = readFileSync(join(EXTENSION, 'src', 'model', 'roles.ts'), 'utf-8');
    const ours = [
      ...typescript.matchAll(/name: '([\w-]+)'[^}]*?trans\.__\(\s*(['"])(.*?)\2\s*\)/gs)
    ].map(found => [found[1], found[3]]);
    expect(theirs.length).toBe(12);
    expect(ours).toEqual(theirs);
  });
});

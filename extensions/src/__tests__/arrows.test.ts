import { readdirSync, readFileSync } from 'fs';
import { dirname, join, relative, resolve } from 'path';

const ROOT = resolve(__dirname, '..');

/** Who may import whom: index → plugins → commands, widgets → model → api → tokens. */
const FLOORS: Record<string, string[]> = {
  'index.ts': ['plugins'],
  plugins: ['commands', 'widgets', 'model', 'api', 'tokens.ts'],
  commands: ['commands', 'widgets', 'model', 'api', 'tokens.ts'],
  widgets: ['widgets', 'model', 'api', 'tokens.ts'],
  model: ['model', 'api', 'tokens.ts'],
  api: ['api', 'tokens.ts'],
  // The generated shapes import nothing: tokens may name them.
  'tokens.ts': ['api/types']
};

const sources = readdirSync(ROOT, { recursive: true, encoding: 'utf-8' }).filter(
  path => /\.tsx?$/.test(path) && !path.startsWith('__tests__') && !path.endsWith('.d.ts')
);

describe.each(sources)('%s', path => {
  const text = readFileSync(join(ROOT, path), 'utf-8');

  it('imports only what lies below it', () => {
    const floor = path.split('/')[0];
    for (const [, target] of text.matchAll(/from '(\.[^']+)'/g)) {
      const found = relative(ROOT, resolve(ROOT, dirname(path), target));
      const allowed = FLOORS[floor].some(
        name => found === name.replace('.ts', '') || found.startsWith(`${name}/`)
      );
      const isPicture = found.startsWith('../style/');
      expect([path, target, allowed || isPicture]).toEqual([path, target, true]);
    }
  });

  it('writes no markup', () => {
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML/);
  });
});

import { trans } from '../trans';

import { roleOf, roles, withRole } from '../../model/roles';


describe('roles', () => {
  it('reads the first role of the tags, papermill’s own among them', () => {
    expect(roleOf(['other', 'nbprod:features', 'nbprod:lib'])).toBe('features');
    expect(roleOf(['parameters'])).toBe('parameters');
    expect(roleOf(['features'])).toBe('');
    expect(roleOf([])).toBe('');
  });

  it('keeps an unknown role as it is written', () => {
    expect(roleOf(['nbprod:<b>x</b>'])).toBe('<b>x</b>');
  });

  it('puts one role in the place of every other and keeps the other tags', () => {
    expect(withRole(['parameters', 'mine', 'nbprod:lib'], 'train')).toEqual([
      'mine',
      'nbprod:train'
    ]);
    expect(withRole(['mine'], 'parameters')).toEqual(['mine', 'parameters']);
    expect(withRole(['nbprod:lib', 'mine'], '')).toEqual(['mine']);
  });

  it('gives each role once, with what it means', () => {
    const all = roles(trans);
    expect(new Set(all.map(role => role.name)).size).toBe(all.length);
    expect(all.every(role => role.meaning.length > 10)).toBe(true);
  });
});

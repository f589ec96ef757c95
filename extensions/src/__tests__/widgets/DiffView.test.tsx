import * as React from 'react';

import { DiffView } from '../../widgets/DiffView';
import { render } from '../render';
import { trans } from '../trans';

describe('a diff', () => {
  it('keeps the signs of its lines, and shows text as text', () => {
    const diff = '--- a\n+++ b\n@@ -1 +1 @@\n-x = 0\n+x = "<b>1</b>"\n y = 2';
    const { host } = render(<DiffView diff={diff} trans={trans} />);
    const kinds = Array.from(host.querySelectorAll('pre > div'), line => [
      line.getAttribute('data-change'),
      line.textContent
    ]);
    expect(kinds.slice(0, 3).map(([kind]) => kind)).toEqual(['place', 'place', 'place']);
    expect(kinds.slice(3)).toEqual([
      ['removed', '-x = 0'],
      ['added', '+x = "<b>1</b>"'],
      [null, ' y = 2']
    ]);
    expect(host.querySelector('b')).toBeNull();
  });

  it('says that nothing would change, and can be scrolled by keyboard', () => {
    const { host } = render(<DiffView diff="" trans={trans} />);
    expect(host.textContent).toContain('is the same');
    expect(host.querySelector('pre')?.tabIndex).toBe(0);
  });
});

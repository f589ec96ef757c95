import * as React from 'react';

import type { CellSummary, Finding, QuickFix } from '../../api/client';
import { FindingList } from '../../widgets/FindingList';
import { render } from '../render';
import { trans } from '../trans';

const finding = (code: string, severity: string, line: number | null): Finding =>
  ({ code, severity, message: `<i>${code}</i>`, hint: 'tag it', cell_id: 'c', line }) as Finding;
const fix = { title: 'tag this cell nbprod:lib', changes: [] } as unknown as QuickFix;

describe('findings', () => {
  const draw = (findings: Finding[], cell?: Partial<CellSummary>) => {
    const on = { onPlace: jest.fn(), onFix: jest.fn() };
    const fixesOf = (item: Finding): QuickFix[] => (item.code === 'NBX023' ? [fix] : []);
    const cellOf = (): CellSummary | undefined => cell as CellSummary | undefined;
    return { ...on, ...render(<FindingList {...on} {...{ findings, cellOf, fixesOf, trans }} />) };
  };

  it('say their severity in a word, their code, the next step', () => {
    const { host } = draw([finding('NBX023', 'error', 3), finding('NBX031', 'info', null)]);
    const told = Array.from(host.querySelectorAll('li'), item => item.textContent);
    expect(told[0]).toContain('error NBX023 <i>NBX023</i>tag it');
    expect(told[1]).toContain('note NBX031');
    expect(host.querySelector('i')).toBeNull();
  });

  it('lead to their cell and are fixed at one press', () => {
    const { press, onPlace, onFix } = draw([finding('NBX023', 'error', 3)]);
    press('Show the cell, line 3');
    expect(onPlace).toHaveBeenCalledWith('c', 3);
    press('Fix: tag this cell nbprod:lib');
    expect(onFix).toHaveBeenCalledWith(fix);
  });

  it('name their cell by the number and the role that a person sees', () => {
    const told = (cell: Partial<CellSummary>, line: number | null): string =>
      draw([finding('NBX023', 'error', line)], cell).host.textContent ?? '';
    expect(told({ index: 4, role: 'fit' }, 3)).toContain('Show cell 5 (fit), line 3');
    expect(told({ index: 1999, role: '' }, null)).toContain('Show cell 2000');
  });

  it('are counted where they are more than a person reads, and drawn at a press', () => {
    const { host, press } = draw(Array.from({ length: 230 }, () => finding('NBX031', 'info', 1)));
    expect(host.querySelectorAll('li').length).toBe(101);
    press('and 130 more');
    expect(host.querySelectorAll('li').length).toBe(201);
    press('and 30 more');
    expect(host.querySelectorAll('li').length).toBe(230);
  });
});

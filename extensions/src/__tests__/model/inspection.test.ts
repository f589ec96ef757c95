import { Signal } from '@lumino/signaling';

import type { Client, LiveInspection } from '../../api/client';
import { InspectionModel } from '../../model/inspection';
import { trans } from '../trans';

const cell = { id: 'a', type: 'code', getMetadata: () => ['nbprod:lib'], sharedModel: { getSource: () => 'x' } };

const told = (message: string): LiveInspection =>
  ({
    inspection: {
      cells: [
        { cell_id: 'b', index: 0, role: '' },
        { cell_id: 'a', index: 1, role: 'lib' }
      ],
      findings: [
        { code: 'NBX030', severity: 'info', cell_id: 'b', line: 1, message: 'cell c?', hint: '' },
        { code: 'NBX002', severity: 'error', cell_id: 'a', line: 1, message, hint: 'tag cell b' }
      ]
    },
    fixes: [
      { code: 'NBX002', cell_id: 'a', line: 1, title: 'Tag cell b nbprod:lib', changes: [] },
      { code: 'NBX002', cell_id: 'b', line: 1, title: 'Tag another', changes: [] }
    ]
  }) as unknown as LiveInspection;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
};

describe('live findings', () => {
  let answers: ((told: LiveInspection) => void)[];
  let inspect: jest.Mock;
  let edited: Signal<object, void>;
  let model: InspectionModel;

  beforeEach(() => {
    answers = [];
    inspect = jest.fn(() => new Promise(resolve => answers.push(resolve)));
    const notebook: any = { cells: [cell] };
    edited = notebook.contentChanged = new Signal<object, void>(notebook);
    const client = { inspect } as unknown as Client;
    model = new InspectionModel(client, notebook, () => 'a.ipynb', () => true, 20, trans);
  });

  afterEach(() => model.dispose());

  const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 60));

  it('are asked for once after a burst of key presses', async () => {
    for (let press = 0; press < 5; press++) {
      edited.emit();
    }
    await pause();
    expect(inspect).toHaveBeenCalledTimes(1);
    expect(inspect.mock.calls[0][1]).toEqual([
      { id: 'a', cell_type: 'code', source: 'x', tags: ['nbprod:lib'], execution_count: null }
    ]);
  });

  it('are asked for anew when the text moved on meanwhile, one question at a time', async () => {
    await pause();
    edited.emit();
    await pause();
    expect(inspect).toHaveBeenCalledTimes(1);
    answers.shift()!(told('old'));
    await settle();
    await pause();
    expect(inspect).toHaveBeenCalledTimes(2);
    answers.shift()!(told('new'));
    await settle();
    expect(model.findings[0].message).toEqual('new');
  });

  it('come with the fixes of their own place', async () => {
    await pause();
    answers.shift()!(told('x'));
    await settle();
    expect(model.fixesOf(model.findings[0]).map(fix => fix.title)).toEqual([
      'Tag cell 1 nbprod:lib'
    ]);
  });

  it('put what is wrong first, and name cells by the numbers that Lab shows', async () => {
    await pause();
    answers.shift()!(told('cell a reads what cell b of cell-b gives'));
    await settle();
    expect(model.findings.map(({ message, hint }) => [message, hint])).toEqual([
      ['cell 2 reads what cell 1 of cell-b gives', 'tag cell 1'],
      ['cell c?', '']
    ]);
    expect(model.cellOf('a')?.role).toBe('lib');
    expect(model.cellOf('gone')).toBeUndefined();
  });

  it('stay on show when the server cannot be asked', async () => {
    await pause();
    answers.shift()!(told('kept'));
    await settle();
    inspect.mockRejectedValue(new Error('gone'));
    edited.emit();
    await pause();
    expect(model.findings.length).toBe(2);
    expect(model.notice?.message).toBe('gone');
  });
});

import { forEachDiagnostic } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { Signal } from '@lumino/signaling';

import { NotebookFindings } from '../../widgets/notebookFindings';
import { trans } from '../trans';

jest.mock('@jupyterlab/codemirror', () => ({
  CodeMirrorEditor: class {
    constructor(readonly editor: EditorView) {}
  }
}));
const { CodeMirrorEditor } = jest.requireMock('@jupyterlab/codemirror');

/** A cell with a real editor in it. */
function cellWith(id: string, text: string): any {
  const node = document.createElement('div');
  node.appendChild(document.createElement('div')).className = 'jp-CellHeader';
  const view = new EditorView({ state: EditorState.create({ doc: text }) });
  return {
    node,
    view,
    model: { id },
    editor: new CodeMirrorEditor(view),
    ready: Promise.resolve(),
    isDisposed: false,
    isPlaceholder: () => false
  };
}

const finding = (cell_id: string, severity: string, line: number): object => ({
  code: 'NBX023', severity, message: 'no such name', hint: 'tag it', cell_id, line
});
const fix = { title: 'tag it lib', changes: [] };

describe("a notebook's findings", () => {
  let cells: any[];
  let inspection: any;
  let notebook: any;
  let on: { fix: jest.Mock; open: jest.Mock };

  beforeEach(() => {
    cells = [cellWith('a', 'x = 1\n  y = gone'), cellWith('b', 'z = 2')];
    inspection = { findings: [], fixesOf: () => [fix] };
    inspection.changed = new Signal(inspection);
    notebook = { widgets: cells };
    notebook.cellInViewportChanged = new Signal(notebook);
    on = { fix: jest.fn(), open: jest.fn() };
    new NotebookFindings(notebook, inspection, trans, on);
  });

  const find = async (findings: object[]): Promise<void> => {
    inspection.findings = findings;
    inspection.changed.emit(undefined);
    await Promise.resolve();
  };
  const marks = (cell: any): any[] => {
    const found: any[] = [];
    forEachDiagnostic(cell.view.state, (item, from, to) => found.push({ item, from, to }));
    return found;
  };
  const countOf = (cell: any): HTMLElement => cell.node.querySelector('.jp-nbprod-count');

  it('stand at their lines with their fixes, and are counted above the cell', async () => {
    await find([finding('a', 'warning', 1), finding('a', 'error', 2)]);
    expect(marks(cells[0]).map(({ from, to }) => [from, to])).toEqual([[0, 5], [8, 16]]);
    const [, { item }] = marks(cells[0]);
    expect(item.message).toBe('no such name\ntag it');
    item.actions[0].apply();
    expect(on.fix).toHaveBeenCalledWith(fix);
    expect(countOf(cells[0]).textContent).toBe('1 × error, 1 × warning');
    expect(countOf(cells[0]).dataset.severity).toBe('error');
    countOf(cells[0]).click();
    expect(on.open).toHaveBeenCalledWith(cells[0], 1);
    expect(marks(cells[1])).toEqual([]);
  });

  it('go as soon as they are mended', async () => {
    await find([finding('a', 'error', 2)]);
    await find([]);
    expect(marks(cells[0])).toEqual([]);
    expect(countOf(cells[0])).toBeNull();
  });

  it('stay within a text that has become shorter meanwhile', async () => {
    await find([finding('b', 'error', 99)]);
    expect(marks(cells[1]).map(({ from, to }) => [from, to])).toEqual([[0, 5]]);
  });
});

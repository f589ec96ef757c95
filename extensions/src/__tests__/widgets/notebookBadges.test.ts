import type { Cell } from '@jupyterlab/cells';
import { Signal } from '@lumino/signaling';

import { NotebookBadges } from '../../widgets/notebookBadges';
import { trans } from '../trans';

/** A cell as Lab draws it: a header, and metadata that tells of its changes. */
function cellWith(tags: string[]): { cell: any; retag: (tags: string[]) => void } {
  const node = document.createElement('div');
  node.appendChild(document.createElement('div')).className = 'jp-CellHeader';
  const model: any = { getMetadata: () => tags };
  model.metadataChanged = new Signal(model);
  const cell = { node, model, ready: Promise.resolve(), isDisposed: false };
  const retag = (next: string[]): void => {
    tags = next;
    model.metadataChanged.emit(undefined);
  };
  return { cell, retag };
}

function notebookOf(cells: any[]): any {
  const notebook: any = { widgets: cells };
  notebook.modelContentChanged = new Signal(notebook);
  notebook.modelChanged = new Signal(notebook);
  return notebook;
}

const badgeOf = (cell: any): HTMLElement | null => cell.node.querySelector('.jp-nbprod-badge');

describe("a notebook's badges", () => {
  it('follow the metadata in the same turn, whoever changes it', () => {
    const { cell, retag } = cellWith(['mine']);
    const notebook = notebookOf([cell]);
    const picked: Cell[] = [];
    const badges = new NotebookBadges(notebook, trans, item => picked.push(item));
    expect(badgeOf(cell)).toBeNull();
    retag(['mine', 'nbprod:features']);
    expect(badgeOf(cell)?.textContent).toBe('features');
    expect(badgeOf(cell)?.getAttribute('aria-label')).toContain('training and serving share');
    badgeOf(cell)?.click();
    expect(picked).toEqual([cell]);
    retag([]);
    expect(badgeOf(cell)).toBeNull();
    badges.dispose();
    retag(['nbprod:lib']);
    expect(badgeOf(cell)).toBeNull();
  });

  it('are drawn for cells that come later, and say that a role is unknown', () => {
    const notebook = notebookOf([]);
    new NotebookBadges(notebook, trans, jest.fn());
    const { cell } = cellWith(['nbprod:feautres']);
    notebook.widgets.push(cell);
    notebook.modelContentChanged.emit(undefined);
    expect(badgeOf(cell)?.dataset.step).toBe('unknown');
    expect(badgeOf(cell)?.title).toContain('does not know this role');
  });
});

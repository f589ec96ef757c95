import { Cell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import { cellRole } from '../model/cellTags';
import { IRole, roles } from '../model/roles';
import { drawBadge, IBadge } from './badge';

/** Keeps the badges of one notebook's cells as its metadata says, whoever changes it. */
export class NotebookBadges implements IDisposable {
  constructor(
    private notebook: Notebook,
    private trans: TranslationBundle,
    private onPick: (cell: Cell) => void
  ) {
    this.roles = new Map(roles(trans).map(role => [role.name, role]));
    notebook.modelContentChanged.connect(this.watchAll, this);
    notebook.modelChanged.connect(this.watchAll, this);
    this.watchAll();
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    Signal.clearData(this);
  }

  private watchAll(): void {
    for (const cell of this.notebook.widgets) {
      if (this.watched.has(cell)) {
        continue;
      }
      this.watched.add(cell);
      cell.model.metadataChanged.connect(() => this.draw(cell), this);
      this.draw(cell);
      void cell.ready.then(() => this.draw(cell));
    }
  }

  private draw(cell: Cell): void {
    const header = cell.isDisposed ? null : cell.node.querySelector<HTMLElement>('.jp-CellHeader');
    if (header) {
      drawBadge(header, this.badgeOf(cell), () => this.onPick(cell));
    }
  }

  private badgeOf(cell: Cell): IBadge | null {
    const name = cellRole(cell.model);
    if (!name) {
      return null;
    }
    const role = this.roles.get(name);
    const meaning = role?.meaning ?? this.trans.__('nbprod does not know this role');
    return {
      role: name,
      step: role?.step ?? 'unknown',
      description: this.trans.__('Role %1: %2. Choose another…', name, meaning)
    };
  }

  private readonly roles: Map<string, IRole>;
  private watched = new WeakSet<Cell>();
  private disposed = false;
}

import { INotebookModel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { Client, Preview, PreviewFile } from '../api/client';
import { contentOf } from './cellContent';
import { cellNumbers, findingWithNumbers } from './cellNumbers';
import { INotice, noticeOf } from './trouble';

/** The module that the training notebook would become as it is edited now. */
export class PreviewModel {
  constructor(
    private client: Client,
    private trans: TranslationBundle
  ) {}

  get last(): Preview | null {
    return this._last;
  }

  get notice(): INotice | null {
    return this._notice;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask about the cells as they are now; of several questions the newest counts. */
  async ask(path: string, model: INotebookModel): Promise<void> {
    const asked = ++this._asked;
    let last = this._last;
    let notice: INotice | null = null;
    try {
      const numbers = cellNumbers(model);
      const told = await this.client.preview(path, contentOf(model));
      last = { ...told, findings: told.findings.map(item => findingWithNumbers(item, numbers)) };
    } catch (error) {
      notice = noticeOf(error, this.trans);
    }
    if (asked === this._asked) {
      this._last = last;
      this._notice = notice;
      this._changed.emit();
    }
  }

  private _asked = 0;
  private _last: Preview | null = null;
  private _notice: INotice | null = null;
  private _changed = new Signal<this, void>(this);
}

/** The cell and its line that a line of a file stands in; null for what no cell says. */
export function cellAt(file: PreviewFile, line: number): { cellId: string; line: number } | null {
  const run = file.lines.find(item => item.line <= line && line < item.line + item.count);
  return run ? { cellId: run.cell_id, line: run.cell_line + line - run.line } : null;
}

/** The file and its first line that a cell became; null for a cell that stays in the notebook. */
export function placeOf(preview: Preview, cellId: string): { path: string; line: number } | null {
  for (const file of preview.files) {
    const run = file.lines.find(item => item.cell_id === cellId);
    if (run) {
      return { path: file.path, line: run.line };
    }
  }
  return null;
}

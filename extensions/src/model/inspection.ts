import { INotebookModel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { Debouncer } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import {
  CellSummary,
  Client,
  Finding,
  LiveInspection,
  QuickFix,
  RoleChange
} from '../api/client';
import { contentOf } from './cellContent';
import { CellNumbers, findingWithNumbers, fixWithNumbers, inOrder } from './cellNumbers';
import { INotice, noticeOf } from './trouble';

/**
 * What nbprod sees in one notebook while it is edited: roles, data flow, findings, quick fixes.
 *
 * A pause after the last key press asks the server; typing never waits for it.
 */
export class InspectionModel implements IDisposable {
  constructor(
    private client: Client,
    readonly notebook: INotebookModel,
    private path: () => string,
    private isWanted: () => boolean,
    pause_ms: number,
    private trans: TranslationBundle
  ) {
    this.debouncer = new Debouncer(() => this.ask(), pause_ms);
    notebook.contentChanged.connect(this.soon, this);
    this.soon();
  }

  /** The last answer; null before the first, and where the notebook is none of nbprod's. */
  get last(): LiveInspection | null {
    return this._last;
  }

  /** What is wrong first, then in the notebook's order; cells are named by their numbers. */
  get findings(): readonly Finding[] {
    return this._findings;
  }

  /** A cell as it was looked at last; undefined for one that was not there. */
  cellOf(cellId: string): CellSummary | undefined {
    return this.cells.get(cellId);
  }

  /** The cells' numbers as they were looked at last. */
  get numbers(): CellNumbers {
    return this._numbers;
  }

  get notice(): INotice | null {
    return this._notice;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** The fixes of one finding, by its code and place. */
  fixesOf(finding: Finding): QuickFix[] {
    return this.fixes.filter(
      fix =>
        fix.code === finding.code && fix.cell_id === finding.cell_id && fix.line === finding.line
    );
  }

  /** The role that each cell without one looks like. */
  async propose(): Promise<RoleChange[]> {
    return (await this.client.propose(this.path(), contentOf(this.notebook))).proposals;
  }

  /** Ask after the usual pause. */
  soon(): void {
    if (!this._isDisposed) {
      this.debouncer.invoke().catch(() => undefined); // rejects only when it is disposed
    }
  }

  /** Ask where the first question was not asked: the server or the project was not known yet. */
  settle(): void {
    if (this._last === null) {
      this.soon();
    }
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this.debouncer.dispose();
      Signal.clearData(this);
    }
  }

  private async ask(): Promise<void> {
    if (this.isAsking) {
      this.again = true; // one question at a time; the newest text is asked about next
      return;
    }
    this.isAsking = true;
    try {
      const wanted = this.isWanted();
      const answer = wanted
        ? await this.client.inspect(this.path(), contentOf(this.notebook))
        : null;
      this.take(answer, null);
    } catch (error) {
      this.take(this._last, noticeOf(error, this.trans));
    } finally {
      this.isAsking = false;
    }
    if (this.again) {
      this.again = false;
      this.soon();
    }
  }

  private take(last: LiveInspection | null, notice: INotice | null): void {
    if (this._isDisposed) {
      return;
    }
    if (last !== this._last) {
      this.read(last);
    }
    this._notice = notice;
    this._changed.emit();
  }

  private read(last: LiveInspection | null): void {
    const cells = last?.inspection.cells ?? [];
    const numbers = new Map(cells.map(cell => [cell.cell_id, cell.index + 1]));
    const findings = (last?.inspection.findings ?? []).map(item => findingWithNumbers(item, numbers));
    this._last = last;
    this._numbers = numbers;
    this.cells = new Map(cells.map(cell => [cell.cell_id, cell]));
    this._findings = inOrder(findings, numbers);
    this.fixes = (last?.fixes ?? []).map(fix => fixWithNumbers(fix, numbers));
  }

  private debouncer: Debouncer<void>;
  private isAsking = false;
  private again = false;
  private _last: LiveInspection | null = null;
  private cells: ReadonlyMap<string, CellSummary> = new Map();
  private fixes: readonly QuickFix[] = [];
  private _numbers: CellNumbers = new Map();
  private _findings: readonly Finding[] = [];
  private _notice: INotice | null = null;
  private _isDisposed = false;
  private _changed = new Signal<this, void>(this);
}

import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { Board, Client, Prediction } from '../api/client';
import { INotice, noticeOf } from './trouble';

const NEWEST = 20;

/** What the health board of a project shows. */
export class HealthModel {
  constructor(
    private client: Client,
    private trans: TranslationBundle
  ) {}

  get board(): Board | null {
    return this._board;
  }

  get predictions(): readonly Prediction[] {
    return this._predictions;
  }

  get notice(): INotice | null {
    return this._notice;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask anew; while there is no answer the last one stays on show. */
  async ask(project: string): Promise<void> {
    if (project !== this.project) {
      this.project = project;
      this._board = null;
      this._predictions = [];
      this._notice = null;
    }
    const asked = ++this.asked;
    try {
      const board = await this.client.getBoard(project);
      if (asked !== this.asked) {
        return; // a later question is under way, of another project perhaps
      }
      this._board = board;
      this._notice = null;
      this._changed.emit();
      if (board.deployment) {
        const told = await this.client.listPredictions(project, NEWEST);
        if (asked !== this.asked) {
          return;
        }
        this._predictions = told.predictions;
      }
    } catch (error) {
      if (asked !== this.asked) {
        return;
      }
      this._notice = noticeOf(error, this.trans);
    }
    this._changed.emit();
  }

  private asked = 0;
  private project = '';
  private _board: Board | null = null;
  private _predictions: readonly Prediction[] = [];
  private _notice: INotice | null = null;
  private _changed = new Signal<this, void>(this);
}

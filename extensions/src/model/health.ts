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
    try {
      if (project !== this.project) {
        this.project = project;
        this._board = null;
        this._predictions = [];
      }
      this._board = await this.client.getBoard(project);
      this._notice = null;
      this._changed.emit();
      if (this._board.deployment) {
        const told = await this.client.listPredictions(project, NEWEST);
        this._predictions = told.predictions;
      }
    } catch (error) {
      this._notice = noticeOf(error, this.trans);
    }
    this._changed.emit();
  }

  private project = '';
  private _board: Board | null = null;
  private _predictions: readonly Prediction[] = [];
  private _notice: INotice | null = null;
  private _changed = new Signal<this, void>(this);
}

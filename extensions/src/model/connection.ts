import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';

import { API, Client } from '../api/client';
import { RequestError } from '../api/request';
import { INotice, noticeOf } from './trouble';

/** Whether the server has an nbprod that this front end understands. */
export class Connection {
  constructor(
    private client: Client,
    private trans: TranslationBundle
  ) {}

  /** What is in the way; null while it is not known, and when nothing is. */
  get notice(): INotice | null {
    return this._notice;
  }

  get isReady(): boolean {
    return this._isReady;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask the server; true where it can be worked with. */
  async check(): Promise<boolean> {
    try {
      const status = await this.client.getStatus();
      if (status.api !== API) {
        throw new RequestError(
          'old',
          this.trans.__(
            'The server has nbprod %1, which this page does not understand.',
            status.version
          ),
          ''
        );
      }
      this.set(true, null);
    } catch (error) {
      this.set(false, noticeOf(error, this.trans));
    }
    return this._isReady;
  }

  private set(isReady: boolean, notice: INotice | null): void {
    const same = isReady === this._isReady && notice?.message === this._notice?.message;
    this._isReady = isReady;
    this._notice = notice;
    if (!same) {
      this._changed.emit();
    }
  }

  private _isReady = false;
  private _notice: INotice | null = null;
  private _changed = new Signal<this, void>(this);
}

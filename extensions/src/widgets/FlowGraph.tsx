import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Inspection } from '../api/client';
import { flowOf, IFlowEdge, IFlowNode } from '../model/flow';
import { moveByKeys } from './lineKeys';
import { Notice } from './Notice';

export interface IFlowGraphProps {
  inspection: Inspection | null;
  /** The active cell: what it reads and what reads it stands out. */
  cellId: string | null;
  onPlace: (cellId: string) => void;
  trans: TranslationBundle;
}

const ROW = 34;
const BOX = 300;
const LANE = 14;

/** The cells one below the other as in the notebook, and an arc for all that flows between two. */
export function FlowGraph(props: IFlowGraphProps): React.ReactElement {
  const { inspection, trans } = props;
  if (!inspection) {
    return (
      <Notice
        message={trans.__('No data flow to show.')}
        hint={trans.__('Open a notebook of a project, or give one of its cells a role.')}
      />
    );
  }
  const { nodes, edges } = flowOf(inspection);
  const active = nodes.findIndex(node => node.cellId === props.cellId);
  const lanes = Math.max(1, ...edges.map(reach));
  const width = BOX + LANE * lanes + 40;
  return (
    <div className="jp-nbprod-flow">
      <div
        className="jp-nbprod-flow-picture"
        role="group"
        aria-label={trans.__('Cells, arrow keys move from one to the next')}
        style={{ height: ROW * nodes.length, width }}
        onKeyDown={moveByKeys}
      >
        <svg width={width} height={ROW * nodes.length} aria-hidden="true">
          {edges.map((edge, index) => (
            <path
              key={index}
              d={arc(edge)}
              data-active={edge.from === active || edge.to === active}
            >
              <title>{edge.names.join(', ')}</title>
            </path>
          ))}
        </svg>
        {nodes.map((node, index) => (
          <button
            key={node.cellId}
            type="button"
            tabIndex={index === Math.max(active, 0) ? 0 : -1}
            style={{ top: ROW * index + 3, width: BOX }}
            data-active={index === active}
            aria-label={described(nodes, edges, index, trans)}
            title={described(nodes, edges, index, trans)}
            onClick={() => props.onPlace(node.cellId)}
          >
            <strong>{node.role || '–'}</strong> <code>{node.label}</code>
          </button>
        ))}
      </div>
    </div>
  );
}

function reach(edge: IFlowEdge): number {
  return Math.min(Math.abs(edge.to - edge.from), 12);
}

function arc(edge: IFlowEdge): string {
  const from = ROW * edge.from + ROW / 2;
  const to = ROW * edge.to + ROW / 2;
  const out = BOX + LANE * reach(edge) + 20;
  const head = `M ${BOX + 8} ${to - 4} L ${BOX + 1} ${to} L ${BOX + 8} ${to + 4}`;
  return `M ${BOX} ${from} C ${out} ${from}, ${out} ${to}, ${BOX + 1} ${to} ${head}`;
}

function described(
  nodes: IFlowNode[],
  edges: IFlowEdge[],
  index: number,
  trans: TranslationBundle
): string {
  const reads = edges.filter(edge => edge.to === index).flatMap(edge => edge.names);
  const gives = edges.filter(edge => edge.from === index).flatMap(edge => edge.names);
  const node = nodes[index];
  return [
    node.role ? trans.__('Role %1', node.role) : trans.__('no role'),
    node.label,
    reads.length ? trans.__('reads %1', [...new Set(reads)].join(', ')) : '',
    gives.length ? trans.__('gives %1', [...new Set(gives)].join(', ')) : ''
  ]
    .filter(Boolean)
    .join(' · ');
}

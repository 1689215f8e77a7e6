/** What uPlot draws, in the page's colours. */

import 'uplot/dist/uPlot.min.css';

import uPlot from 'uplot';

/** A line, step, area or row of bars. */
export interface Line {
  label: string;
  values: readonly (number | null)[];
  /** What the readout and the table show of a point. */
  text: (index: number) => string | null;
  /** Exact decimals for the table's files, where the values are rounded to draw them. */
  exact?: readonly string[];
  /** Which of the six colours. */
  tone: 1 | 2 | 3 | 4 | 5 | 6;
  /** Lengths of strokes and gaps; solid if left out. */
  dash?: readonly number[];
  kind?: 'line' | 'step' | 'area' | 'bars';
}

export interface Drawing {
  redraw: () => void;
  /** The chart with its title and legend, as it looks now. */
  png: (title: string) => Promise<Blob>;
  destroy: () => void;
}

interface Options {
  data: uPlot.AlignedData;
  lines: readonly Line[];
  height: number;
  time: boolean;
  axisText: (y: number) => string;
  marked: () => number | undefined;
  onHover: (index: number | null) => void;
  onPick: (x: number) => void;
}

/** The value of a token, with the light or the dark side chosen. */
function colours(element: HTMLElement): (token: string) => string {
  const probe = document.createElement('i');
  probe.hidden = true;
  element.append(probe);
  const found = (token: string): string => {
    probe.style.color = `var(--${token})`;
    return getComputedStyle(probe).color;
  };
  return found;
}

function withAlpha(colour: string, alpha: number): string {
  const [r, g, b] = colour.match(/[\d.]+/g) ?? ['0', '0', '0'];
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

const FONT = '12px system-ui, sans-serif';

/** Draws a chart into an element, for as long as its lines are the same; it follows the element’s width and the theme. */
export function draw(element: HTMLElement, options: Options): Drawing {
  const colour = colours(element);
  const { lines, height, time, axisText, data } = options;
  const axis = (): uPlot.Axis => ({
    stroke: () => colour('soft'),
    font: FONT,
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { stroke: () => colour('line'), width: 1, size: 4 },
  });
  const plot = new uPlot(
    {
      width: Math.max(element.clientWidth, 120),
      height,
      legend: { show: false },
      scales: { x: { time } },
      cursor: {
        drag: { setScale: false, x: false, y: false },
        points: { size: 7 },
        bind: {
          click: (self) => () => {
            const { idx } = self.cursor;
            const x = idx === null || idx === undefined ? undefined : self.data[0][idx];
            if (x !== undefined) {
              options.onPick(x);
            }
            return null;
          },
        },
      },
      axes: [
        { ...axis(), size: 30 },
        { ...axis(), size: 62, values: (_: uPlot, ticks: number[]) => ticks.map(axisText) },
      ],
      series: [{}, ...lines.map((line) => seriesOf(line, colour))],
      hooks: {
        setCursor: [
          (self) => {
            options.onHover(self.cursor.idx ?? null);
          },
        ],
        draw: [
          (self) => {
            const x = options.marked();
            if (x !== undefined) {
              mark(self, x, colour('ink'));
            }
          },
        ],
      },
    },
    data,
    element,
  );

  const sized = new ResizeObserver(() => {
    const width = element.clientWidth;
    if (width > 0 && width !== plot.width) {
      plot.setSize({ width, height });
    }
  });
  sized.observe(element);
  const redraw = (): void => {
    plot.redraw(false);
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', redraw);
  const theme = new MutationObserver(redraw);
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  return {
    redraw,
    png: (title) => picture(plot, title, lines, colour),
    destroy() {
      sized.disconnect();
      theme.disconnect();
      dark.removeEventListener('change', redraw);
      plot.destroy();
      element.replaceChildren();
    },
  };
}

function seriesOf(line: Line, colour: (token: string) => string): uPlot.Series {
  const stroke = (): string => colour(`tone-${line.tone}`);
  const kind = line.kind ?? 'line';
  const { bars, stepped } = uPlot.paths;
  return {
    label: line.label,
    stroke,
    width: kind === 'bars' ? 1 : 1.8,
    points: { show: line.values.length < 3 },
    ...(line.dash === undefined ? {} : { dash: [...line.dash] }),
    ...(kind === 'area' ? { fill: () => withAlpha(stroke(), 0.12) } : {}),
    ...(kind === 'bars' && bars !== undefined ? { paths: bars({ size: [0.8] }), fill: () => withAlpha(stroke(), 0.55) } : {}),
    ...(kind === 'step' && stepped !== undefined ? { paths: stepped({ align: 1 }) } : {}),
  };
}

function mark(plot: uPlot, x: number, colour: string): void {
  const { ctx, bbox } = plot;
  const at = Math.round(plot.valToPos(x, 'x', true));
  if (at < bbox.left || at > bbox.left + bbox.width) {
    return;
  }
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(at + 0.5, bbox.top);
  ctx.lineTo(at + 0.5, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

async function picture(
  plot: uPlot,
  title: string,
  lines: readonly Line[],
  colour: (token: string) => string,
): Promise<Blob> {
  const { canvas } = plot.ctx;
  const scale = devicePixelRatio;
  const [head, foot] = [34 * scale, 28 * scale];
  const made = document.createElement('canvas');
  made.width = canvas.width;
  made.height = canvas.height + head + foot;
  const ctx = made.getContext('2d');
  if (ctx === null) {
    throw new Error('this browser draws no pictures');
  }
  ctx.fillStyle = colour('card');
  ctx.fillRect(0, 0, made.width, made.height);
  ctx.drawImage(canvas, 0, head);
  ctx.fillStyle = colour('ink');
  ctx.font = `600 ${14 * scale}px system-ui, sans-serif`;
  ctx.fillText(title, 10 * scale, 22 * scale);
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  let left = 10 * scale;
  for (const line of lines) {
    const middle = head + canvas.height + 12 * scale;
    ctx.strokeStyle = colour(`tone-${line.tone}`);
    ctx.lineWidth = 2 * scale;
    ctx.setLineDash((line.dash ?? []).map((length) => length * scale));
    ctx.beginPath();
    ctx.moveTo(left, middle);
    ctx.lineTo(left + 24 * scale, middle);
    ctx.stroke();
    ctx.fillText(line.label, left + 30 * scale, middle + 4 * scale);
    left += 30 * scale + ctx.measureText(line.label).width + 18 * scale;
  }
  const blob = await new Promise<Blob | null>((resolve) => {
    made.toBlob(resolve, 'image/png');
  });
  if (blob === null) {
    throw new Error('the picture could not be made');
  }
  return blob;
}

/** Two times to compare, in order; a third one takes the place of the oldest. One that is chosen again is chosen no more. */
export function chooseTime(chosen: string[], time: string): string[] {
  if (chosen.includes(time)) return chosen.filter((t) => t !== time);
  return [...chosen, time].sort().slice(-2);
}

/** The fund that the link named in its fragment, before the fragment was taken out of the address. */

let named: string | null = null;

export function nameFund(fund: string | null): void {
  named = fund;
}

export function openedFund(): string | undefined {
  return named ?? undefined;
}

/** A range of teams by their ids, both ends included. */
export interface Page {
  first: string;
  last: string;
}

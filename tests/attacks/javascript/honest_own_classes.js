class Held {
  constructor(number) {
    this.number = number;
  }
  valueOf() {
    return this.number;
  }
}
const order = (items) => items.map((item) => new Held(item)).sort((a, b) => a - b).map((held) => held.number);

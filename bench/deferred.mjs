// In Node: a Promise with ten `then`s in a row, resolved; fifty at a time go through the queue of
// microtasks, so that the waiting for it counts little. The best of some slices, in ns for each.
const one = 1;
let sum = 0;
const addUp = (value) => { sum += one; return value; };

function once() {
    let resolve;
    let promise = new Promise((fn) => { resolve = fn; });
    for (let i = 0; i < 10; i++) promise = promise.then(addUp);
    resolve(one);
    return promise;
}

async function slice(count) {
    for (let i = 0; i < count; i += 50) {
        let last;
        for (let j = 0; j < 50; j++) last = once();
        await last;
    }
}

const count = 20000;
await slice(count);
await slice(count);
let best = Infinity;
for (let i = 0; i < 25; i++) {
    const begin = process.hrtime.bigint();
    await slice(count);
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / count);
}
console.log(best.toFixed(1));

// Runs MassiveJS for the benchmark. Arguments: host, user and database. Each line on standard input is a number of loads.
// After these loads, it writes a line to standard output. An error ends the process.
'use strict';

const massive = require('massive');
const readline = require('readline');

async function main([host, user, database]) {
  // Defaults, except for the directory of SQL files: this one does not exist.
  const db = await massive({ host, user, database }, { scripts: __dirname + '/no-scripts' });
  for await (const times of readline.createInterface({ input: process.stdin })) {
    for (let i = 0; i < Number(times); i++) {
      await db.reload();
    }
    process.stdout.write('done\n');
  }
  await db.instance.$pool.end();
}

main(process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});

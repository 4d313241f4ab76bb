// Does one piece of work with rhea, and prints what it took as a line of JSON, like the Python programs.
//
//     main.js WORK OPTIONS

'use strict';

const works = {...require('./streaming'), ...require('./coding'), ...require('./many')};
const [work, options] = process.argv.slice(2);

works[work](JSON.parse(options), (figures) => console.log(JSON.stringify(figures)));

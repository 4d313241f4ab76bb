// The clock, the processor time and the memory of this process.

'use strict';

const fs = require('fs');

// A size of /proc/self/status, in bytes.
function status(field) {
    const match = new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(fs.readFileSync('/proc/self/status', 'latin1'));
    return Number(match[1]) * 1024;
}

// The memory of this process that is in RAM now, in bytes.
function resident() {
    return status('VmRSS');
}

class Meter {
    constructor() {
        this.count = 0;
    }

    // Begin; a second call does nothing.
    start() {
        if (this.began === undefined) {
            this.used = process.cpuUsage();
            this.began = process.hrtime.bigint();
        }
    }

    stop() {
        this.seconds = Number(process.hrtime.bigint() - this.began) / 1e9;
        const used = process.cpuUsage(this.used);
        this.cpu = (used.user + used.system) / 1e6;
    }

    figures(expected, more) {
        if (this.count !== expected) {
            throw new Error(`${this.count} of ${expected} done`);
        }
        return {count: this.count, seconds: this.seconds, cpu: this.cpu, peak: status('VmHWM'), ...more};
    }
}

module.exports = {Meter, resident};

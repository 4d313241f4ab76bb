// Many links, many connections, and messages that wait in the library.  Run with --expose-gc.

'use strict';

const {connect, createContainer} = require('./connecting');
const {Meter, resident} = require('./meter');

// How many connections are being opened at a time: the brokers' queues of those that wait are short.
const OPENING = 8;

// The memory in use, without garbage.
function settled() {
    global.gc();
    return resident();
}

function links(options, done) {
    const container = createContainer();
    const meter = new Meter();
    const sent = new Set();
    meter.start();
    const connection = connect(container, options);
    for (let number = 0; number < options.count; number += 1) {
        connection.open_sender({target: `examples-${number}`, name: `link-${number}`});
    }
    container.on('sendable', (context) => {
        if (!sent.has(context.sender.name)) {
            sent.add(context.sender.name);
            context.sender.send({message_id: 1, body: {sequence: 1}});
        }
    });
    container.on('accepted', (context) => {
        meter.count += 1;
        if (meter.count === options.count) {
            context.connection.close();
        }
    });
    container.on('connection_close', () => {
        meter.stop();
        done(meter.figures(options.count));
    });
}

function idle_links(options, done) {
    const container = createContainer();
    const meter = new Meter();
    let before, after;
    container.on('connection_open', (context) => {
        before = settled();
        meter.start();
        for (let number = 0; number < options.count; number += 1) {
            context.connection.open_sender({target: `examples-${number}`, name: `link-${number}`});
        }
    });
    container.on('sender_open', (context) => {
        meter.count += 1;
        if (meter.count === options.count) {
            meter.stop();
            after = settled();
            context.connection.close();
        }
    });
    container.on('connection_close', () => {
        done(meter.figures(options.count, {each: (after - before) / options.count}));
    });
    connect(container, options);
}

function connections(options, done) {
    const container = createContainer();
    const meter = new Meter();
    const senders = new Map();
    let begun = 0, closed = 0, after;
    function begin() {
        begun += 1;
        connect(container, options).open_sender({target: `examples-${begun}`, name: `examples-${begun}`});
    }
    container.on('sendable', (context) => {
        if (senders.has(context.sender.name)) {
            return;
        }
        senders.set(context.sender.name, context.sender);
        if (begun < options.count) {
            begin();
        } else if (senders.size === options.count) {
            after = settled();
            senders.forEach((sender) => sender.send({message_id: 1, body: {sequence: 1}}));
        }
    });
    container.on('accepted', () => {
        meter.count += 1;
        if (meter.count === options.count) {
            senders.forEach((sender) => sender.connection.close());
        }
    });
    container.on('connection_close', () => {
        closed += 1;
        if (closed === options.count) {
            meter.stop();
            done(meter.figures(options.count, {each: (after - before) / options.count}));
        }
    });
    const before = settled();
    meter.start();
    for (let number = 0; number < Math.min(OPENING, options.count); number += 1) {
        begin();
    }
}

function connect_close(options, done) {
    const container = createContainer();
    const meter = new Meter();
    container.on('connection_open', (context) => context.connection.close());
    container.on('connection_close', () => {
        meter.count += 1;
        if (meter.count < options.count) {
            connect(container, options);
        } else {
            meter.stop();
            done(meter.figures(options.count));
        }
    });
    meter.start();
    connect(container, options);
}

// No more than rhea's own queue takes.
function queued(options, done) {
    const container = createContainer();
    const meter = new Meter();
    let taken;
    container.once('sendable', (context) => {
        const before = settled();
        meter.start();
        for (let number = 0; number < options.count; number += 1) {
            context.sender.send({message_id: number, body: {sequence: number}});
        }
        taken = settled() - before;
    });
    container.on('accepted', (context) => {
        meter.count += 1;
        if (meter.count === options.count) {
            context.connection.close();
        }
    });
    container.on('connection_close', () => {
        // Outcomes that came together with the close are told after it.
        setImmediate(() => {
            meter.stop();
            done(meter.figures(options.count, {each: taken / options.count}));
        });
    });
    connect(container, options).open_sender('examples');
}

module.exports = {connect_close, connections, idle_links, links, queued};

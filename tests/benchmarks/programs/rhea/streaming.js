// Many messages over one link.

'use strict';

const {connect, createContainer} = require('./connecting');
const {Meter} = require('./meter');

function send(options, done) {
    const {count, settled, size} = options;
    const container = createContainer();
    const meter = new Meter();
    const payload = size === undefined ? undefined : Buffer.alloc(size, 'x');
    let sent = 0;
    container.on('sendable', (context) => {
        meter.start();
        while (context.sender.sendable() && sent < count) {
            context.sender.send({message_id: sent, body: payload || {sequence: sent}});
            sent += 1;
        }
        if (settled && sent === count && meter.count === 0) {
            meter.count = count;
            // What was sent last is written once this callback has returned.
            setImmediate(() => context.connection.close());
        }
    });
    container.on('accepted', (context) => {
        meter.count += 1;
        if (meter.count === count) {
            context.connection.close();
        }
    });
    container.on('connection_close', () => {
        // Outcomes that came together with the close are told after it.
        setImmediate(() => {
            meter.stop();
            done(meter.figures(count));
        });
    });
    connect(container, options).open_sender({target: 'examples', snd_settle_mode: settled ? 1 : 2});
}

function receive(options, done) {
    const {count, prefetch, size} = options;
    const container = createContainer();
    const meter = new Meter();
    let bodies = 0;
    container.on('message', (context) => {
        meter.start();
        const body = context.message.body;
        bodies += Number(size === undefined ? body.sequence > 0 : body.length === size);
        meter.count += 1;
        if (meter.count === count) {
            // The last message is accepted once this callback has returned.
            setImmediate(() => context.connection.close());
        }
    });
    container.on('connection_close', () => {
        meter.stop();
        if (bodies !== count) {
            throw new Error(`${bodies} of ${count} bodies are right`);
        }
        done(meter.figures(count));
    });
    connect(container, options).open_receiver({source: 'examples', credit_window: prefetch});
}

module.exports = {send, receive};

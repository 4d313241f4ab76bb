// A client program on rhea that subscribes. It takes one step after another, each on a connection of its own, and prints
// what came of them as JSON.
//
//     rhea_subscriber.js HOST PORT USER PASSWORD STEPS
//
// A step is {container, name, source, desired, count, end}: receive so many messages, then "detach" or "close".

'use strict';

const rhea = require('rhea');
const [host, port, username, password, text] = process.argv.slice(2);
const steps = JSON.parse(text);
const results = [];

function take() {
    const step = steps.shift();
    if (step === undefined) {
        console.log(JSON.stringify(results));
        return;
    }
    const container = rhea.create_container({id: step.container});
    const result = {bodies: [], error: null, source: null, offered: null};
    results.push(result);
    let left = step.count || 0;
    let ended = false;

    function end(context) {
        if (left === 0 && !ended && result.error === null) {
            ended = true;
            // The last message is accepted once this callback has returned.
            setImmediate(() => context.receiver[step.end]());
        }
    }

    container.on('connection_open', (context) => {
        result.offered = [].concat(context.connection.remote.open.offered_capabilities);
        context.connection.open_receiver({name: step.name, source: step.source, desired_capabilities: step.desired,
                                          credit_window: 10});
    });
    container.on('receiver_open', (context) => {
        const source = context.receiver.remote.attach.source;
        // A link that is refused has no source, and is closed right after.
        if (source && source.address) {
            result.source = {durable: source.durable, expiry_policy: source.expiry_policy,
                             capabilities: [].concat(source.capabilities)};
            end(context);
        }
    });
    container.on('message', (context) => {
        result.bodies.push(context.message.body);
        left -= 1;
        end(context);
    });
    container.on('receiver_error', (context) => {
        result.error = context.receiver.error.condition;
        ended = true;
        context.connection.close();
    });
    for (const event of ['receiver_close', 'receiver_detached', 'receiver_detach']) {
        container.on(event, (context) => context.connection.close());
    }
    container.on('connection_close', take);
    for (const event of ['connection_error', 'disconnected']) {
        container.on(event, (context) => {
            console.error(event, context.error);
            process.exit(1);
        });
    }
    container.connect({host: host, port: Number(port), username: username, password: password, reconnect: false});
}

take();

/* The other end of a stream of messages of any size, over TCP or TLS: a sink on links that a client sends on, a source
 * on those that it receives from.
 *
 *     stream COUNT SIZE CREDIT [CERTIFICATE KEY]
 *
 * A source sends COUNT messages with a body of SIZE bytes, or a small map if SIZE is 0, all encoded alike.  A sink keeps
 * the client's credit between half of CREDIT and CREDIT, and takes messages without looking at them.  It serves until it
 * is killed.
 */

#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/listener.h>
#include <proton/message.h>
#include <proton/netaddr.h>
#include <proton/proactor.h>
#include <proton/sasl.h>
#include <proton/session.h>
#include <proton/ssl.h>
#include <proton/transport.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long count, sent;
static int most_credit;
static pn_bytes_t encoded;
static pn_ssl_domain_t *domain;
static char sinkhole[1 << 16];

static void encode(size_t size) {
    pn_rwbytes_t buffer = pn_rwbytes_null;
    pn_message_t *message = pn_message();
    pn_data_t *body = pn_message_body(message);
    pn_data_put_ulong(pn_message_id(message), 1);
    if (size) {
        char *bytes = malloc(size);
        memset(bytes, 'x', size);
        pn_data_put_binary(body, pn_bytes(size, bytes));
        free(bytes);
    } else {
        pn_data_put_map(body);
        pn_data_enter(body);
        pn_data_put_string(body, pn_bytes(8, "sequence"));
        pn_data_put_int(body, 1);
        pn_data_exit(body);
    }
    encoded.size = pn_message_encode2(message, &buffer);
    encoded.start = buffer.start;
    pn_message_free(message);
}

static void supply(pn_link_t *link) {
    while (pn_link_credit(link) > 0 && sent < count) {
        sent += 1;
        pn_delivery(link, pn_dtag((const char *)&sent, sizeof sent));
        pn_link_send(link, encoded.start, encoded.size);
        pn_link_advance(link);
    }
}

static void take(pn_link_t *link, pn_delivery_t *delivery) {
    while (pn_link_recv(link, sinkhole, sizeof sinkhole) > 0) {
    }
    if (!pn_delivery_partial(delivery)) {
        pn_delivery_update(delivery, PN_ACCEPTED);
        pn_delivery_settle(delivery);
        if (pn_link_credit(link) <= most_credit / 2) {
            pn_link_flow(link, most_credit - pn_link_credit(link));
        }
    }
}

static void accept_connection(pn_listener_t *listener) {
    pn_transport_t *transport = pn_transport();
    pn_transport_set_server(transport);
    pn_sasl_allowed_mechs(pn_sasl(transport), "ANONYMOUS");
    if (domain) {
        pn_ssl_init(pn_ssl(transport), domain, NULL);
    }
    pn_listener_accept2(listener, NULL, transport);
}

static void open_link(pn_link_t *link) {
    pn_terminus_copy(pn_link_source(link), pn_link_remote_source(link));
    pn_terminus_copy(pn_link_target(link), pn_link_remote_target(link));
    pn_link_open(link);
    if (pn_link_is_receiver(link)) {
        pn_link_flow(link, most_credit);
    }
}

static void tell_port(pn_listener_t *listener) {
    char port[PN_MAX_ADDR];
    pn_netaddr_host_port(pn_listener_addr(listener), NULL, 0, port, sizeof port);
    printf("listening on %s\n", port);
    fflush(stdout);
}

static void handle(pn_event_t *event) {
    pn_delivery_t *delivery = pn_event_delivery(event);
    switch (pn_event_type(event)) {
    case PN_LISTENER_OPEN:
        tell_port(pn_event_listener(event));
        break;
    case PN_LISTENER_ACCEPT:
        accept_connection(pn_event_listener(event));
        break;
    case PN_CONNECTION_REMOTE_OPEN:
        pn_connection_open(pn_event_connection(event));
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        pn_connection_close(pn_event_connection(event));
        break;
    case PN_SESSION_REMOTE_OPEN:
        pn_session_open(pn_event_session(event));
        break;
    case PN_LINK_REMOTE_OPEN:
        open_link(pn_event_link(event));
        break;
    case PN_LINK_REMOTE_CLOSE:
        pn_link_close(pn_event_link(event));
        break;
    case PN_LINK_FLOW:
        if (pn_link_is_sender(pn_event_link(event))) {
            supply(pn_event_link(event));
        }
        break;
    case PN_DELIVERY:
        if (pn_link_is_receiver(pn_event_link(event))) {
            take(pn_event_link(event), delivery);
        } else if (pn_delivery_updated(delivery)) {
            pn_delivery_settle(delivery);
        }
        break;
    case PN_TRANSPORT_ERROR: {
        pn_condition_t *condition = pn_transport_condition(pn_event_transport(event));
        fprintf(stderr, "%s: %s\n", pn_condition_get_name(condition), pn_condition_get_description(condition));
        break;
    }
    default:
        break;
    }
}

int main(int argc, char **argv) {
    char address[PN_MAX_ADDR];
    pn_proactor_t *proactor = pn_proactor();
    if (argc != 4 && argc != 6) {
        fprintf(stderr, "usage: stream COUNT SIZE CREDIT [CERTIFICATE KEY]\n");
        return 2;
    }
    count = atol(argv[1]);
    encode(atol(argv[2]));
    most_credit = atoi(argv[3]);
    if (argc == 6) {
        domain = pn_ssl_domain(PN_SSL_MODE_SERVER);
        if (pn_ssl_domain_set_credentials(domain, argv[4], argv[5], NULL)) {
            fprintf(stderr, "no certificate %s with the key %s\n", argv[4], argv[5]);
            return 1;
        }
    }
    pn_proactor_addr(address, sizeof address, "127.0.0.1", "0");
    pn_proactor_listen(proactor, pn_listener(), address, 1000);
    for (;;) {
        pn_event_batch_t *events = pn_proactor_wait(proactor);
        for (pn_event_t *event = pn_event_batch_next(events); event; event = pn_event_batch_next(events)) {
            handle(event);
        }
        pn_proactor_done(proactor, events);
    }
}

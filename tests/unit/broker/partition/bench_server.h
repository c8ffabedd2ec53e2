/*
 * A small Kafka server of the bench: it answers Fetch, in order, with parked polls and urgent updates behind them. What the
 * product's own edge and API do is not its business.
 */
#ifndef ODRADEK_TEST_BENCH_SERVER_H
#define ODRADEK_TEST_BENCH_SERVER_H

/* On the node's reactor 0; arg: struct bench_node. */
void bench_serve(void *arg);
void bench_unserve(void *arg);

#endif

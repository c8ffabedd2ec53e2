#include "tests/unit/common/config/config_lib.h"

static struct config_net net;

static void finish(const char *role, const char *text)
{
    make();
    read_text(text);
    config_finish(&config, role, "machine", &net);
}

#define VOTERS "controller.quorum.voters=3@c:93,1@a:91,2@b:92\n"

Test(finish, a_broker_as_kafka_ships_it)
{
    finish("broker",
           "process.roles=broker\nnode.id=2\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
           "listeners=PLAINTEXT://localhost:9092\ninter.broker.listener.name=PLAINTEXT\n"
           "advertised.listeners=PLAINTEXT://outside:19092\ncontroller.listener.names=CONTROLLER\n"
           "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,"
           "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\nlog.dirs=/tmp/a, /tmp/b\n");
    show_messages();
    cr_assert_not(config_failed(&config));
    cr_assert_eq(config.message_count, 0);
    cr_assert_eq(net.node_id, 2);
    cr_assert_eq(net.listener_count, 1);
    cr_assert_str_eq(net.listeners[0].bind.host, "localhost");
    cr_assert_str_eq(net.listeners[0].advertised.host, "outside");
    cr_assert_eq(net.listeners[0].advertised.port, 19092);
    cr_assert_eq(net.voter_count, 1);
    cr_assert_eq(net.voters[0].id, -1);
    cr_assert_eq(net.voters[0].address.port, 9093);
    cr_assert_eq(net.log_dir_count, 2);
    cr_assert_str_eq(net.log_dirs[1], "/tmp/b");
    cr_assert_str_eq(net.metadata_dir, "/tmp/a");
    cr_assert_eq(net.admin_count, 0);
}

Test(finish, a_controller_with_three_voters)
{
    finish("controller",
           VOTERS "node.id=2\nlisteners=controller://:9092\ncontroller.listener.names=CONTROLLER\n"
                  "metadata.log.dir=/m\nadmin.listeners=http://127.0.0.1:9644\n");
    show_messages();
    cr_assert_not(config_failed(&config));
    cr_assert_str_eq(net.listeners[0].bind.name, "CONTROLLER");
    cr_assert_str_eq(net.listeners[0].bind.host, "");
    cr_assert_str_eq(net.listeners[0].advertised.host, "machine");
    cr_assert_eq(net.voter_count, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(net.voters[i].id, i + 1);
        cr_assert_eq(net.voters[i].address.port, 91 + i);
    }
    cr_assert_str_eq(net.metadata_dir, "/m");
    cr_assert_eq(net.admin[0].port, 9644);
    finish("controller", VOTERS "node.id=2\nlisteners=ANY://:9092\n");
    cr_assert_not(config_failed(&config)); /* controller.listener.names may be left out */
}

Test(finish, several_listeners)
{
    finish("broker",
           VOTERS "node.id=0\nlisteners=IN://10.0.0.1:1,OUT://[::]:2\n"
                  "listener.security.protocol.map=in:PLAINTEXT,OUT:PLAINTEXT\n"
                  "inter.broker.listener.name=OUT\nadvertised.listeners=OUT://[2001:db8::1]:5\n");
    show_messages();
    cr_assert_not(config_failed(&config));
    cr_assert_eq(net.listener_count, 2);
    cr_assert_eq(net.inter_broker, 1);
    cr_assert_str_eq(net.listeners[0].advertised.host, "10.0.0.1");
    cr_assert_str_eq(net.listeners[1].bind.host, "::");
    cr_assert_str_eq(net.listeners[1].advertised.host, "2001:db8::1");
}

static const struct {
    const char *role;
    const char *text;
    const char *message;
} wrong[] = {
    {"broker", VOTERS, "node.id is missing; give this broker a number of its own, from 0 on"},
    {"broker", "node.id=1\n", "controller.quorum.voters is missing; list the controllers"},
    {"broker", VOTERS "node.id=1\nprocess.roles=broker,controller\n", "Run these two instead:"},
    {"controller", VOTERS "node.id=1\nprocess.roles=broker\n",
     "x.properties:3: process.roles=broker: this is the controller"},
    {"controller", VOTERS "node.id=9\n", "this controller, node.id=9, is not among them"},
    {"controller", "node.id=1\ncontroller.quorum.bootstrap.servers=a:1\n",
     "controller.quorum.voters is missing"},
    {"broker", "node.id=1\ncontroller.quorum.voters=1@a:1,1@b:2\n", "the id 1 stands twice"},
    {"broker", "node.id=1\ncontroller.quorum.voters=a:1\n",
     "a:1 is no controller; write id@host:port"},
    {"broker", "node.id=1\ncontroller.quorum.bootstrap.servers=1@\n",
     "1@ is no controller; write host:port"},
    {"broker", VOTERS "node.id=1\nlisteners=x\n", "x is no listener; write NAME://host:port"},
    {"broker", VOTERS "node.id=1\nlisteners=\n", "there is no listener left"},
    {"broker", VOTERS "node.id=1\nlisteners=FOO://:1\n",
     "No security protocol defined for listener FOO"},
    {"broker", VOTERS "node.id=1\nlisteners=SSL://:1\nlistener.security.protocol.map=SSL:SSL\n",
     "only PLAINTEXT is spoken so far"},
    {"broker", VOTERS "node.id=1\nlisteners=PLAINTEXT://:1,PLAINTEXT://:2\n", "same name"},
    {"broker", VOTERS "node.id=1\nlisteners=PLAINTEXT://:1,B://:1\n", "same address"},
    {"broker", VOTERS "node.id=1\nlisteners=C://:1\ncontroller.listener.names=C\n",
     "C is in controller.listener"},
    {"controller", VOTERS "node.id=1\ncontroller.listener.names=C\n",
     "PLAINTEXT is not in controller.listener"},
    {"broker", VOTERS "node.id=1\nadvertised.listeners=PLAINTEXT://:1\n",
     "that a client could dial"},
    {"broker", VOTERS "node.id=1\nadvertised.listeners=PLAINTEXT://0.0.0.0:1\n",
     "that a client could dial"},
    {"broker", VOTERS "node.id=1\nadvertised.listeners=B://a:1\n", "has no listener of that name"},
    {"broker", VOTERS "node.id=1\nadvertised.listeners=PLAINTEXT://a:0\n", "is no address"},
    {"broker", VOTERS "node.id=1\ninter.broker.listener.name=B\n",
     "there is no listener of that name"},
    {"broker",
     VOTERS "node.id=1\ninter.broker.listener.name=B\nsecurity.inter.broker.protocol=PLAINTEXT\n",
     "Only one of"},
    {"broker", VOTERS "node.id=1\nsecurity.inter.broker.protocol=SSL\n", "only PLAINTEXT"},
    {"broker", VOTERS "node.id=1\nadmin.listeners=127.0.0.1:1\n", "write HTTP://host:port"},
    {"broker", VOTERS "node.id=1\nlog.dirs=/a,/a\n", "/a stands twice"},
    {"broker", VOTERS "node.id=1\nlog.dirs=\n", "at least one directory is needed"},
    {"broker", VOTERS "node.id=1\nlog.dirs=1,2,3,4,5,6,7,8,9\n", "more than 8 directories"},
    {"broker", VOTERS "node.id=1\nlog.level=info,edge=loud\n", "loud is no level"},
    {"broker", VOTERS "node.id=1\nbroker.session.timeout.ms=200\n",
     "fenced between two heartbeats"},
    {"broker", VOTERS "node.id=1\nreplica.lag.time.max.ms=400\n", "a waiting follower would leave"},
    {"broker", VOTERS "node.id=1\nconfig.strict=true\nfoo.bar.baz=1\n",
     "config.strict=true, and 1 unknown keys"},
};

Test(finish, what_is_wrong_is_said)
{
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        finish(wrong[i].role, wrong[i].text);
        if (!told(CONFIG_ERROR, wrong[i].message)) {
            show_messages();
        }
        cr_assert(told(CONFIG_ERROR, wrong[i].message), "%s", wrong[i].message);
        cr_assert(config_failed(&config));
    }
}

Test(finish, addresses)
{
    struct config_address a;
    int32_t id;
    cr_assert_eq(config_listener_parse(slice_str("PLAINTEXT://127.0.0.1:9092"), &a), OK);
    cr_assert_str_eq(a.name, "PLAINTEXT");
    cr_assert_str_eq(a.host, "127.0.0.1");
    cr_assert_eq(a.port, 9092);
    cr_assert_eq(config_listener_parse(slice_str("IN://:0"), &a), OK);
    cr_assert_str_eq(a.host, "");
    cr_assert_eq(config_listener_parse(slice_str("IN://[::1]:80"), &a), OK);
    cr_assert_str_eq(a.host, "::1");
    static const char *const bad[] = {
        "://x:1",  "A://x:70000", "A://x", "A://x:-1",  "A://x y:1", "A b://x:1",  "A://[]:1",
        "A://[:1", "A://x:",      "",      "A://[::1]", "A:/x:1",    "A://\"x\":1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(config_listener_parse(slice_str(bad[i]), &a), ERR_MALFORMED, "%s", bad[i]);
    }
    cr_assert_eq(config_voter_parse(slice_str("101@host-1:9192"), &id, &a), OK);
    cr_assert_eq(id, 101);
    cr_assert_str_eq(a.host, "host-1");
    cr_assert_eq(config_voter_parse(slice_str("x@host:1"), &id, &a), ERR_MALFORMED);
    cr_assert_eq(config_voter_parse(slice_str("1@:1"), &id, &a), ERR_MALFORMED);
    cr_assert_eq(config_voter_parse(slice_str("1@host:0"), &id, &a), ERR_MALFORMED);
    char longest[400] = "A://";
    memset(longest + 4, 'h', 255);
    memcpy(longest + 259, ":1", 3);
    cr_assert_eq(config_listener_parse(slice_str(longest), &a), OK);
    memcpy(longest + 259, "h:1", 4);
    cr_assert_eq(config_listener_parse(slice_str(longest), &a), ERR_MALFORMED);
}

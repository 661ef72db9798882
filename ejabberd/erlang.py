"""What runs in the Erlang node beside ejabberd: it flushes Mnesia's log, and ends a split of the cluster."""

from __future__ import annotations

from string import Template

TICK_SECONDS = 20
"""Seconds after which a node takes another that is silent for dead, a quarter more or less (net_ticktime)."""

LOOK_SECONDS = 2
"""Seconds between two looks at the other nodes; a split is one that two looks in turn see."""

FILE = "beside.erl"
"""Where `beside_ejabberd` is written, in the folder of the configuration."""

_DURABLE = Template("""
spawn(fun() ->
    (fun Watch() ->
        %% A join and the end of a split stop Mnesia, and with it who listens to it.
        {Listener, _} = spawn_monitor(fun() ->
            Heard = [mnesia:subscribe({table, Table, simple}) || Table <- [$first, $second]],
            [exit(normal) || {error, _} <- Heard],
            mnesia:sync_log(),
            (fun Loop() -> receive _ -> mnesia:sync_log(), Loop() end end)()
        end),
        receive {'DOWN', _, process, Listener, _} -> timer:sleep(100), Watch() end
    end)()
end).
""")

_QUIET = """
%% From here on all goes to ejabberd.log, which is rotated; what prints to the console would grow without end.
logger:update_handler_config(default, level, none).
"""

_HEALING = Template("""
spawn(fun() ->
    Rank = fun(Nodes) -> {-length(Nodes), lists:min(Nodes)} end,
    %% Both run, and neither counts the other in: Mnesia does not merge what went apart.
    Apart = fun(Other, Mine) ->
        case rpc:call(Other, mnesia, system_info, [is_running], 5000) of
            yes ->
                Theirs = rpc:call(Other, mnesia, system_info, [running_db_nodes], 5000),
                is_list(Theirs) andalso Theirs =/= [] andalso not lists:member(node(), Theirs)
                    andalso Rank(Theirs) < Rank(Mine);
            _ -> false
        end
    end,
    Look = fun() ->
        case mnesia:system_info(is_running) of
            yes ->
                Mine = mnesia:system_info(running_db_nodes),
                [Other || Other <- mnesia:system_info(db_nodes) -- Mine, Apart(Other, Mine)];
            _ -> []
        end
    end,
    Heal = fun() ->
        logger:error("the cluster was split: this is the smaller side, its sessions end and it joins again"),
        %% Whoever was removed on this side stays removed.
        Removed = ets:tab2list(sr_user),
        application:stop(ejabberd),
        application:stop(mnesia),
        application:start(ejabberd),
        mnesia:wait_for_tables([sr_user], infinity),
        [mnesia:dirty_write(Row) || Row <- Removed]
    end,
    (fun Again(Before) ->
        timer:sleep($pause),
        Now = try Look() catch _:_ -> [] end,
        case [Other || Other <- Now, lists:member(Other, Before)] of
            [] -> Again(Now);
            _ -> try Heal() catch _:Problem -> logger:error("the split goes on: ~0p", [Problem]) end, Again([])
        end
    end)([])
end).
""")


AT_START = (
    f"-kernel net_ticktime {TICK_SECONDS} -eval 'ok = file:eval(filename:join(filename:dirname("
    f'os:getenv("EJABBERD_CONFIG_PATH")), "{FILE}"))\'\n'
)
"""The node's arguments; the file is beside the configuration."""


def beside_ejabberd(*, clustered: bool) -> str:
    """Return the Erlang expressions that a node evaluates at its start.

    Mnesia by itself waits up to 2 seconds until it writes, and an account that was just made, or removed, would be
    as before after a crash. After a split the side with fewer nodes gives way, of equal ones that without the node
    whose name comes first; each of its nodes starts its ejabberd again and takes over the other side's tables.
    """
    first, second = ("sr_group", "sr_user") if clustered else ("passwd", "roster")
    durable = _DURABLE.substitute(first=first, second=second)
    return _QUIET + durable + (_HEALING.substitute(pause=1000 * LOOK_SECONDS) if clustered else "")

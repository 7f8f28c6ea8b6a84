//! Feeds on three brokers with a controller of their own: what one broker suffers stays with those it leads.

use std::sync::Arc;

use purple_sector_harness::kafka::Cluster;
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::Producer;

use super::faults::{admin, join, producer_to, topic};
use super::*;

/// Within this a feed draws, whatever others suffer.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Does something slow to the cluster while the test goes on.
async fn hurt(mut cluster: Cluster, how: impl FnOnce(&mut Cluster) + Send + 'static) -> Cluster {
    let hurting = tokio::task::spawn_blocking(move || {
        how(&mut cluster);
        cluster
    });
    hurting.await.expect("it ends")
}

async fn three_brokers() -> Cluster {
    let starting = tokio::task::spawn_blocking(|| Cluster::start(3));
    starting.await.expect("it ends").expect("three brokers")
}

fn on(cluster: &Cluster, partitions: u16, replication_factor: u16) -> KafkaSettings {
    KafkaSettings {
        source: KafkaSource::Brokers(cluster.brokers()),
        auto_create_topics: true,
        partitions,
        replication_factor: Some(replication_factor),
        security: Security::default(),
    }
}

/// Which broker leads a partition, as Kafka tells clients; −1 while none does.
async fn leader(producer: &FutureProducer, user: &str, partition: usize) -> i32 {
    let (producer, topic) = (producer.clone(), topic(user));
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = producer.client().fetch_metadata(Some(&topic), WITHIN).expect("metadata");
        metadata.topics()[0].partitions()[partition].leader()
    });
    asked.await.expect("it ends")
}

/// Makes a topic with one partition that only `broker` has.
async fn make_on(broker: i32, user: &str, cluster: &Cluster) {
    let (topic, only) = (topic(user), [broker]);
    let assigned: [&[i32]; 1] = [&only];
    let new = NewTopic::new(&topic, 1, TopicReplication::Variable(&assigned));
    let made = admin(&cluster.brokers()).create_topics([&new], &AdminOptions::new()).await.expect("answered");
    made[0].as_ref().expect("made");
}

/// Joins a user whose car is on the track, and waits for the first block.
async fn draws_at_once(feeds: &Feeds, producer: &FutureProducer, user: &str) -> ViewerHandle {
    publish(producer, user, 0, &Source::new(user, 1).key()).await;
    let began = Instant::now();
    let mut viewer = join(feeds, user).await;
    Watcher::default().read(&mut viewer, |seen| seen.n_blocks >= 1).await;
    let took = began.elapsed();
    println!("{user} draws after {took:?}");
    assert!(took < AT_ONCE, "{user} draws after {took:?}");
    viewer
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_while_leaders_stop_and_die() {
    let _alone = ALONE.write().await;
    let mut cluster = three_brokers().await;
    let feeds = Feeds::start(settings(), &on(&cluster, 4, 3)).await.expect("it answers");
    let mut viewer = join(&feeds, "alice").await;
    reads(&feeds, 4).await;
    let safe =
        [("enable.idempotence", "true"), ("retry.backoff.ms", "50"), ("reconnect.backoff.max.ms", "500")];
    let producer = producer_to(&cluster.brokers(), &safe);

    let (stop, stopped) = (tokio_util::sync::CancellationToken::new(), Duration::from_millis(5));
    let publishing = {
        let (producer, stop) = (producer.clone(), stop.clone());
        tokio::spawn(async move {
            let mut sources: Vec<Source> = (0..4).map(|n| Source::new(&format!("s{n}"), n)).collect();
            let mut n = 0;
            while !stop.is_cancelled() {
                for (partition, source) in (0..).zip(&mut sources) {
                    let bytes = if n % 50 == 0 { source.key() } else { source.block() };
                    publish(&producer, "alice", partition, &bytes).await;
                }
                n += 1;
                tokio::time::sleep(stopped).await;
            }
            n * sources.len()
        })
    };
    let hurting = async {
        let mut leaders = Vec::new();
        for in_order in [true, false] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let id = leader(&producer, "alice", 0).await;
            leaders.push(id);
            cluster = hurt(cluster, move |cluster| {
                if in_order { cluster.stop_broker(id) } else { cluster.kill_broker(id) }.expect("ended");
            })
            .await;
            let deadline = Instant::now() + WITHIN;
            loop {
                let now = leader(&producer, "alice", 0).await;
                if now > 0 && now != id {
                    break;
                }
                assert!(Instant::now() < deadline, "no other broker leads");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            cluster = hurt(cluster, move |cluster| cluster.start_broker(id).expect("started")).await;
        }
        stop.cancel();
        leaders
    };
    let mut seen = Watcher::default();
    // Reads while they publish, so that no queue runs over.
    let (published, n_published) = (std::cell::OnceCell::new(), std::cell::Cell::new(usize::MAX));
    let reading = async {
        let deadline = Instant::now() + Duration::from_secs(120);
        while seen.n_blocks < n_published.get() {
            assert!(Instant::now() < deadline, "{} blocks of {}", seen.n_blocks, n_published.get());
            if let Ok(message) = tokio::time::timeout(Duration::from_millis(100), viewer.next()).await {
                seen.take(&message.expect("the feed goes on"));
            }
        }
    };
    let finishing = async {
        published.set(hurting.await).expect("once");
        n_published.set(publishing.await.expect("it publishes"));
    };
    tokio::join!(reading, finishing);
    println!("{} blocks while {:?} stopped, then died", seen.n_blocks, published.get());
    assert_eq!(seen.n_blocks, n_published.get());
    assert_eq!((seen.n_missing, seen.n_skipped), (0, 0));
    assert_eq!((feeds.stats().repeats.get(), feeds.stats().positions_lost.get()), (0, 0));
    shut_down(&feeds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_draws_at_once_whatever_happens_to_the_topics_of_others() {
    let _alone = ALONE.write().await;
    let mut cluster = three_brokers().await;
    let producer = producer_to(&cluster.brokers(), &[]);
    make_on(3, "alice", &cluster).await;
    for user in ["bob", "carol", "dave"] {
        make_on(1, user, &cluster).await;
    }
    let feeds = Arc::new(Feeds::start(settings(), &on(&cluster, 1, 1)).await.expect("it answers"));

    cluster = hurt(cluster, |cluster| cluster.kill_broker(3).expect("killed")).await;
    let deadline = Instant::now() + WITHIN;
    while leader(&producer, "alice", 0).await >= 0 {
        assert!(Instant::now() < deadline, "alice's topic keeps its leader");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let waiting = feeds.join(VerifiedUser::for_test("alice"), JoinOptions::default());
    let (waiting, _bob) = tokio::join!(waiting, draws_at_once(&feeds, &producer, "bob"));
    let mut alice = waiting.expect("joins, to wait");

    // 256 others, whose topics have to be made.
    let starting: Vec<_> = (0..256)
        .map(|n| {
            let feeds = feeds.clone();
            let user = VerifiedUser::for_test(&format!("other-{n}"));
            tokio::spawn(async move { feeds.join(user, JoinOptions::default()).await })
        })
        .collect();
    let carol = draws_at_once(&feeds, &producer, "carol").await;
    let mut others = Vec::new();
    for start in starting {
        others.push(start.await.expect("it ends").expect("joins"));
    }
    // The 256, bob and carol; alice waits.
    let deadline = Instant::now() + Duration::from_secs(60);
    while feeds.stats().partitions.get() < 258 {
        assert!(Instant::now() < deadline, "only {} partitions are read", feeds.stats().partitions.get());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    cluster = hurt(cluster, |cluster| cluster.kill_controller().expect("killed")).await;
    let nobody = feeds.join(VerifiedUser::for_test("not-there"), JoinOptions::default());
    let (nobody, _dave) = tokio::join!(nobody, draws_at_once(&feeds, &producer, "dave"));
    drop((nobody, carol, others));

    // And alice draws once her broker is back.
    cluster = hurt(cluster, |cluster| {
        cluster.start_controller().expect("started");
        cluster.start_broker(3).expect("started");
    })
    .await;
    publish(&producer, "alice", 0, &Source::new("alice", 1).key()).await;
    Watcher::default().read(&mut alice, |seen| seen.n_blocks == 1).await;
    shut_down(&feeds).await;
    drop(cluster);
}

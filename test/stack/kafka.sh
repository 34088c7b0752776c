#!/bin/sh
# Formats Kafka's storage, the first time, and then becomes the broker.
# usage: kafka.sh JAVA CLASSPATH DIRECTORY CLUSTER_ID, where DIRECTORY holds server.properties.
set -eu
java=$1 classpath=$2 directory=$3 cluster_id=$4
properties=$directory/server.properties
set -- "$java" -XX:+UseSerialGC "-Dlog4j2.configurationFile=${0%/*}/log4j2.properties" -cp "$classpath"

if [ ! -e "$directory/data/meta.properties" ]; then
  "$@" -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --standalone -t "$cluster_id" -c "$properties"
fi
exec "$@" -Xms256m -Xmx768m kafka.Kafka "$properties"

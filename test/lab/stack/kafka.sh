#!/bin/sh
# Formats Kafka's storage, if there is none, and then becomes the broker.
# usage: kafka.sh JAVA CLASSPATH DIRECTORY CLUSTER_ID FORMAT_OPTION SHARING_OPTION JVM_OPTION..., where DIRECTORY holds
# server.properties; FORMAT_OPTION and SHARING_OPTION (of both JVMs) may be empty.
set -eu
java=$1 classpath=$2 directory=$3 cluster_id=$4 format_option=$5 sharing_option=$6
shift 6
properties=$directory/server.properties
log4j=-Dlog4j2.configurationFile=${0%/*}/log4j2.properties

if [ ! -e "$directory/data/meta.properties" ]; then
  "$java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${sharing_option:+"$sharing_option"} "$log4j" -cp "$classpath" \
    kafka.tools.StorageTool format ${format_option:+"$format_option"} -t "$cluster_id" -c "$properties"
fi
exec "$java" -XX:+UseSerialGC ${sharing_option:+"$sharing_option"} "$@" "$log4j" -cp "$classpath" kafka.Kafka "$properties"

"""What whoever deploys must be allowed, as an IAM policy: made of the resource types that the template has.

`python scripts/deployer_policy.py > docs/deployer-policy.json`. Replace 111122223333 by the account. Where
CloudFormation names a thing after the stack, the statement is held to names that begin with `refledger`.
"""

from __future__ import annotations

import json
from typing import Any

STACK = "refledger*"
ACCOUNT = "111122223333"
TAGS = "TagResource UntagResource ListTagsForResource"
# By type: service, what is asked of it, and which of its resources. `{}` is region and account.
NEEDS: dict[str, tuple[str, str, str]] = {
    "AWS::ApiGatewayV2::Api": ("apigateway", "GET POST PUT PATCH DELETE TagResource", "arn:aws:apigateway:*::/*"),
    "AWS::ApiGatewayV2::ApiMapping": ("apigateway", "GET POST PATCH DELETE", "arn:aws:apigateway:*::/*"),
    "AWS::ApiGatewayV2::DomainName": ("apigateway", "GET POST PATCH DELETE", "arn:aws:apigateway:*::/*"),
    "AWS::ApiGatewayV2::Stage": ("apigateway", "GET POST PATCH DELETE", "arn:aws:apigateway:*::/*"),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch", f"PutMetricAlarm DeleteAlarms DescribeAlarms {TAGS}", f"arn:aws:cloudwatch:{{}}:alarm:{STACK}",
    ),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch", "PutDashboard DeleteDashboards GetDashboard", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{STACK}",
    ),
    "AWS::CodeDeploy::Application": (
        "codedeploy", "CreateApplication UpdateApplication DeleteApplication GetApplication "
        "CreateDeployment GetDeployment "
        "GetDeploymentConfig StopDeployment RegisterApplicationRevision GetApplicationRevision",
        "arn:aws:codedeploy:{}:*",
    ),
    "AWS::CodeDeploy::DeploymentGroup": (
        "codedeploy", f"CreateDeploymentGroup UpdateDeploymentGroup DeleteDeploymentGroup GetDeploymentGroup {TAGS}",
        "arn:aws:codedeploy:{}:*",
    ),
    "AWS::Cognito::UserPool": (
        "cognito-idp", "CreateUserPool UpdateUserPool DeleteUserPool DescribeUserPool SetUserPoolMfaConfig "
        f"GetUserPoolMfaConfig AdminCreateUser AdminAddUserToGroup {TAGS}", "*",
    ),
    "AWS::Cognito::UserPoolClient": (
        "cognito-idp", "CreateUserPoolClient UpdateUserPoolClient DeleteUserPoolClient DescribeUserPoolClient", "*",
    ),
    "AWS::Cognito::UserPoolDomain": (
        "cognito-idp", "CreateUserPoolDomain DeleteUserPoolDomain DescribeUserPoolDomain", "*",
    ),
    "AWS::Cognito::UserPoolGroup": ("cognito-idp", "CreateGroup UpdateGroup DeleteGroup GetGroup", "*"),
    "AWS::Cognito::UserPoolResourceServer": (
        "cognito-idp", "CreateResourceServer UpdateResourceServer DeleteResourceServer DescribeResourceServer", "*",
    ),
    "AWS::DynamoDB::Table": (
        "dynamodb", "CreateTable UpdateTable DeleteTable DescribeTable UpdateTimeToLive DescribeTimeToLive "
        "UpdateContinuousBackups DescribeContinuousBackups DescribeContributorInsights "
        "DescribeKinesisStreamingDestination GetResourcePolicy TagResource UntagResource ListTagsOfResource",
        f"arn:aws:dynamodb:{{}}:table/{STACK}",
    ),
    "AWS::Events::Archive": ("events", "CreateArchive UpdateArchive DeleteArchive DescribeArchive",
        "arn:aws:events:{}:*"),
    "AWS::Events::EventBus": (
        "events", f"CreateEventBus UpdateEventBus DeleteEventBus DescribeEventBus {TAGS}", "arn:aws:events:{}:*",
    ),
    "AWS::Events::EventBusPolicy": ("events", "PutPermission RemovePermission", "arn:aws:events:{}:*"),
    "AWS::Events::Rule": (
        "events", "PutRule DeleteRule DescribeRule PutTargets RemoveTargets ListTargetsByRule", "arn:aws:events:{}:*",
    ),
    "AWS::IAM::Role": (
        "iam", "CreateRole UpdateRole UpdateAssumeRolePolicy DeleteRole GetRole PutRolePolicy "
        "DeleteRolePolicy GetRolePolicy "
        "ListRolePolicies ListAttachedRolePolicies TagRole UntagRole PassRole", f"arn:aws:iam::{ACCOUNT}:role/{STACK}",
    ),
    "AWS::KMS::Key": (
        "kms", "CreateKey DescribeKey EnableKeyRotation GetKeyRotationStatus GetKeyPolicy PutKeyPolicy "
        "UpdateKeyDescription ScheduleKeyDeletion ListResourceTags TagResource UntagResource", "*",
    ),
    "AWS::Lambda::Alias": (
        "lambda", "CreateAlias UpdateAlias DeleteAlias GetAlias", f"arn:aws:lambda:{{}}:function:{STACK}",
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "lambda", "PutFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig "
        "GetFunctionEventInvokeConfig", f"arn:aws:lambda:{{}}:function:{STACK}",
    ),
    "AWS::Lambda::EventSourceMapping": (
        "lambda", "CreateEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping "
        "GetEventSourceMapping", "*",
    ),
    "AWS::Lambda::Function": (
        "lambda", "CreateFunction UpdateFunctionCode UpdateFunctionConfiguration DeleteFunction GetFunction "
        "GetFunctionConfiguration GetFunctionCodeSigningConfig GetRuntimeManagementConfig GetFunctionRecursionConfig "
        "TagResource UntagResource ListTags", f"arn:aws:lambda:{{}}:function:{STACK}",
    ),
    "AWS::Lambda::LayerVersion": (
        "lambda", "PublishLayerVersion DeleteLayerVersion GetLayerVersion", f"arn:aws:lambda:{{}}:layer:{STACK}",
    ),
    "AWS::Lambda::Permission": (
        "lambda", "AddPermission RemovePermission GetPolicy", f"arn:aws:lambda:{{}}:function:{STACK}",
    ),
    "AWS::Lambda::Version": (
        "lambda", "PublishVersion ListVersionsByFunction GetProvisionedConcurrencyConfig",
        f"arn:aws:lambda:{{}}:function:{STACK}",
    ),
    "AWS::Logs::LogGroup": (
        "logs", "CreateLogGroup DeleteLogGroup DescribeLogGroups PutRetentionPolicy "
        "DeleteRetentionPolicy CreateLogDelivery "
        f"GetLogDelivery UpdateLogDelivery DeleteLogDelivery PutResourcePolicy DescribeResourcePolicies {TAGS}", "*",
    ),
    "AWS::Logs::MetricFilter": ("logs", "PutMetricFilter DeleteMetricFilter DescribeMetricFilters", "*"),
    "AWS::S3::Bucket": (
        "s3", "CreateBucket DeleteBucket ListBucket GetBucketLocation PutEncryptionConfiguration "
        "GetEncryptionConfiguration "
        "PutBucketVersioning GetBucketVersioning PutBucketObjectLockConfiguration GetBucketObjectLockConfiguration "
        "PutBucketPublicAccessBlock GetBucketPublicAccessBlock PutBucketOwnershipControls GetBucketOwnershipControls "
        "PutLifecycleConfiguration GetLifecycleConfiguration PutBucketTagging GetBucketTagging "
        "PutBucketNotification GetBucketNotification",
        f"arn:aws:s3:::{STACK}",
    ),
    "AWS::S3::BucketPolicy": ("s3", "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy", f"arn:aws:s3:::{STACK}"),
    "AWS::SSM::Parameter": (
        "ssm", "PutParameter DeleteParameter GetParameters DescribeParameters AddTagsToResource RemoveTagsFromResource "
        "ListTagsForResource", f"arn:aws:ssm:{{}}:parameter/{STACK}",
    ),
    "AWS::SNS::Subscription": ("sns", "Subscribe Unsubscribe GetSubscriptionAttributes", f"arn:aws:sns:{{}}:{STACK}"),
    "AWS::SNS::Topic": (
        "sns", "CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes ListSubscriptionsByTopic "
        f"GetDataProtectionPolicy {TAGS}", f"arn:aws:sns:{{}}:{STACK}",
    ),
    "AWS::SQS::Queue": (
        "sqs", "CreateQueue DeleteQueue GetQueueAttributes SetQueueAttributes GetQueueUrl "
        "ListQueueTags TagQueue UntagQueue",
        f"arn:aws:sqs:{{}}:{STACK}",
    ),
    "AWS::SQS::QueuePolicy": ("sqs", "SetQueueAttributes GetQueueAttributes", f"arn:aws:sqs:{{}}:{STACK}"),
    "AWS::Scheduler::Schedule": (
        "scheduler", "CreateSchedule UpdateSchedule DeleteSchedule GetSchedule",
        f"arn:aws:scheduler:{{}}:schedule/default/{STACK}",
    ),
    "AWS::SecretsManager::Secret": (
        "secretsmanager", "CreateSecret UpdateSecret DeleteSecret DescribeSecret GetSecretValue "
        "GetRandomPassword TagResource "
        "UntagResource GetResourcePolicy", "*",
    ),
    "AWS::StepFunctions::StateMachine": (
        "states", "CreateStateMachine UpdateStateMachine DeleteStateMachine DescribeStateMachine "
        f"ListStateMachineVersions {TAGS}", f"arn:aws:states:{{}}:stateMachine:{STACK}",
    ),
}  # fmt: skip
# Of the tools: the stack, the transform, SAM's bucket for what is uploaded.
TOOLS = [
    (
        "cloudformation", "CreateChangeSet DeleteChangeSet DescribeChangeSet ExecuteChangeSet DescribeStacks "
        "DescribeStackEvents GetTemplate GetTemplateSummary ListStackResources DescribeStackResources DeleteStack "
        "UpdateTerminationProtection", f"arn:aws:cloudformation:{{}}:stack/{STACK}",
    ),
    ("cloudformation", "CreateChangeSet", "arn:aws:cloudformation:*:aws:transform/Serverless-2016-10-31"),
    (
        "cloudformation", "CreateChangeSet DescribeChangeSet ExecuteChangeSet DescribeStacks "
        "DescribeStackEvents GetTemplateSummary",
        "arn:aws:cloudformation:{}:stack/aws-sam-cli-managed-default/*",
    ),
    (
        "s3", "CreateBucket GetBucketLocation ListBucket GetObject PutObject PutBucketPolicy "
        "GetBucketPolicy PutBucketVersioning "
        "PutBucketPublicAccessBlock PutEncryptionConfiguration PutBucketTagging",
        "arn:aws:s3:::aws-sam-cli-managed-default*",
    ),
]  # fmt: skip


def policy() -> dict[str, Any]:
    """One statement for each service and resource."""
    merged: dict[tuple[str, str], set[str]] = {}
    for service, actions, resource in [*NEEDS.values(), *TOOLS]:
        merged.setdefault((service, resource), set()).update(f"{service}:{action}" for action in actions.split())
    statements = [
        {"Effect": "Allow", "Action": sorted(actions), "Resource": resource.format(f"*:{ACCOUNT}")}
        for (_, resource), actions in merged.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}


if __name__ == "__main__":
    print(json.dumps(policy(), indent=1))

"""Which resource types run here, and which are left out on purpose and why. All others are refused.

A type must not be ignored because it is inconvenient: only where nothing that the program does depends on it.
"""

from __future__ import annotations

# Types that moto's CloudFormation makes; the rest of RUN has an engine of its own in this package.
MADE_BY_MOTO = frozenset(
    {
        "AWS::Events::EventBus",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::KMS::Alias",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }
)

RUN = MADE_BY_MOTO | {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolGroup",
    "AWS::DynamoDB::Table",
    "AWS::Events::Archive",
    "AWS::KMS::Key",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::S3::Bucket",
    "AWS::SSM::Parameter",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}

IGNORED = {
    "AWS::ApiGatewayV2::ApiMapping": "the API answers on this machine, whatever it is called",
    "AWS::ApiGatewayV2::DomainName": "the API answers on this machine, whatever it is called",
    "AWS::ApplicationInsights::Application": "observes, does nothing",
    "AWS::Backup::BackupPlan": "no backups of local data",
    "AWS::Backup::BackupSelection": "no backups of local data",
    "AWS::Backup::BackupVault": "no backups of local data",
    "AWS::Budgets::Budget": "nothing costs anything here",
    "AWS::CloudWatch::Alarm": "no metrics are collected here",
    "AWS::CloudWatch::AnomalyDetector": "no metrics are collected here",
    "AWS::CloudWatch::CompositeAlarm": "no metrics are collected here",
    "AWS::CloudWatch::Dashboard": "no metrics are collected here",
    "AWS::CodeDeploy::Application": "new code is taken at once, without a deployment",
    "AWS::CodeDeploy::DeploymentGroup": "new code is taken at once, without a deployment",
    "AWS::Cognito::UserPoolDomain": "no hosted sign-in page; POST /_local/token issues tokens",
    "AWS::Cognito::UserPoolResourceServer": "scopes are given to POST /_local/token as they are",
    "AWS::Events::EventBusPolicy": "permissions are not checked here",
    "AWS::IAM::ManagedPolicy": "permissions are not checked here",
    "AWS::IAM::Policy": "permissions are not checked here",
    "AWS::Lambda::LayerVersionPermission": "permissions are not checked here",
    "AWS::Lambda::Permission": "permissions are not checked here",
    "AWS::Logs::MetricFilter": "no metrics are collected here; logs are on the terminal",
    "AWS::Logs::QueryDefinition": "a saved query; logs are on the terminal",
    "AWS::Logs::ResourcePolicy": "permissions are not checked here",
    "AWS::ResourceGroups::Group": "groups resources in the console",
    "AWS::S3::BucketPolicy": "permissions are not checked here",
    "AWS::Scheduler::ScheduleGroup": "groups schedules in the console",
    "AWS::SecretsManager::ResourcePolicy": "permissions are not checked here",
    "AWS::SNS::TopicPolicy": "permissions are not checked here",
    "AWS::SQS::QueuePolicy": "permissions are not checked here",
    "AWS::XRay::Group": "no traces are collected here",
    "AWS::XRay::SamplingRule": "no traces are collected here",
}

# What to say instead of "not run here", where there is more to say.
INSTEAD = {
    "AWS::ApiGateway::RestApi": "REST APIs (AWS::Serverless::Api, events of type Api) do not run here; "
    "HTTP APIs (AWS::Serverless::HttpApi) do",
    "AWS::ApiGateway::Deployment": "part of a REST API",
    "AWS::ApiGateway::Stage": "part of a REST API",
    "AWS::ApiGatewayV2::Route": "routes are read from AWS::Serverless::HttpApi and HttpApi events only",
    "AWS::CloudFormation::Stack": "nested stacks do not run here",
    "AWS::Lambda::Url": "function URLs (FunctionUrlConfig) do not run here",
}
